//! A row that belongs to another subject is never overwritten.

use turnout_backends::DirtyKey;
use turnout_mirror::{Judge, Unsaid, Verdict};
use turnout_vocabulary::{ApplyFailure, Backend, Epoch, RepositoryId, Retry};

use crate::world::{CLIENTS, T, World, eventually};

/// The authority of the phone `live` is `new`; that of `other` is `old`, and so is that of `off`, which is not mirrored.
struct ByPhone;

impl Judge for ByPhone {
    fn verdict(&self, source: Backend, _: RepositoryId, key: &DirtyKey) -> Verdict {
        let is_here = |subject: &Option<String>| (subject.as_deref() == Some("live")) == (source == Backend::New);
        if key.subjects.iter().any(|subject| subject.as_deref() == Some("off")) {
            Verdict::Forget
        } else if key.subjects.iter().all(is_here) {
            Verdict::Mirror
        } else {
            Verdict::HandOver
        }
    }

    fn is_authority(&self, source: Backend, _: RepositoryId, _: &DirtyKey, subject: Option<&str>) -> bool {
        (subject == Some("live")) == (source == Backend::New)
    }

    fn keeper(&self, _: RepositoryId, _: Epoch, _: Option<&str>) -> Result<Option<Backend>, Unsaid> {
        Err(Unsaid)
    }

    fn retry(&self, _: &ApplyFailure) -> Retry {
        Retry::Park
    }
}

#[tokio::test]
async fn one_key_that_two_subjects_chose_is_parked_and_both_rows_stay() {
    for other in ["other", "off"] {
        let world = World::new(CLIENTS, &[T]).await;
        world.new_side("insert into clients values (7, 'live', 'of new')").await;
        world
            .old(&format!("insert into clients values (7, '{other}', 'of old')"))
            .await;
        let _mirror = world.mirror_as(ByPhone);
        let parked = eventually("the key is parked", async || {
            world.backends.new.parked().await.unwrap().pop()
        })
        .await;
        assert_eq!(
            (parked.sqlstate.as_str(), parked.reason.as_str()),
            (
                "TN006",
                "table clients: the key belongs to another subject on that side"
            )
        );
        for source in Backend::ALL {
            eventually("no dirty key is left", async || {
                let standing = world.standing(source).await;
                (standing.dirty == 0).then_some(())
            })
            .await;
        }
        assert_eq!(
            world.rows(Backend::Old, "name", "clients where id = 7").await,
            "(\"of old\")"
        );
        assert_eq!(
            world.rows(Backend::New, "name", "clients where id = 7").await,
            "(\"of new\")"
        );

        // To remove one of them leaves the other.
        world.new_side("delete from clients where id = 7").await;
        world.backends.new.retry_parked(None).await.unwrap();
        eventually("the deletion is parked", async || {
            let standing = world.standing(Backend::New).await;
            (standing.parked == 1 && standing.dirty == 0).then_some(())
        })
        .await;
        assert_eq!(
            world.rows(Backend::Old, "name", "clients where id = 7").await,
            "(\"of old\")"
        );
        if other == "off" {
            continue;
        }
        // Once the row that is left has come to where the other was, nothing is left to decide.
        world.backends.old.retry_parked(None).await.unwrap();
        world.until_drained_from(Backend::Old).await;
        world.backends.new.retry_parked(None).await.unwrap();
        world.until_drained_from(Backend::New).await;
        assert_eq!(world.backends.new.parked().await.unwrap(), []);
        world.equal("*", "clients").await;
    }
}

#[tokio::test]
async fn a_row_that_is_handed_over_does_not_replace_a_row_that_the_other_subject_has_there() {
    let world = World::new(
        "create table clients (id int primary key, phone text, name text);",
        &[T],
    )
    .await;
    world.new_side("insert into clients values (7, 'live', 'of new')").await;
    world.old("insert into clients values (7, 'other', 'of old')").await;
    world
        .old("update clients set phone = 'live', name = 'handed over' where id = 7")
        .await;
    let _mirror = world.mirror_as(ByPhone);
    for source in Backend::ALL {
        world.until_drained_from(source).await;
    }
    assert_eq!(world.rows(Backend::New, "*", "clients").await, "(7,live,\"of new\")");
}

#[tokio::test]
async fn the_copy_of_a_row_of_the_other_side_is_not_sent_back_in_the_name_of_a_row_that_is_gone() {
    let world = World::new(CLIENTS, &[T]).await;
    world
        .old("insert into clients values (7, 'other', 'of old'); delete from clients")
        .await;
    // The mirror has brought a row of `new` meanwhile, which is another there by now.
    world
        .old("set turnout.epoch = 'mirror'; insert into clients values (7, 'live', 'older')")
        .await;
    world
        .new_side("set turnout.epoch = 'mirror'; insert into clients values (7, 'live', 'newer')")
        .await;
    let _mirror = world.mirror_as(ByPhone);
    world.until_drained_from(Backend::Old).await;
    assert_eq!(world.backends.old.parked().await.unwrap(), []);
    assert_eq!(world.rows(Backend::New, "name", "clients").await, "(newer)");
}

#[tokio::test]
async fn a_row_that_was_handed_over_replaces_that_of_the_subject_before() {
    let world = World::new(CLIENTS, &[T]).await;
    let _mirror = world.mirror_as(ByPhone);
    world.old("insert into clients values (1, 'other', 'first')").await;
    world.equal("*", "clients").await;
    world
        .old("update clients set phone = 'live', name = 'second' where id = 1")
        .await;
    eventually("the row arrives", async || {
        (world.rows(Backend::New, "*", "clients").await == "(1,live,second)").then_some(())
    })
    .await;
    assert_eq!(world.backends.old.parked().await.unwrap(), []);
}

#[tokio::test]
async fn one_value_of_a_deferrable_unique_column_stays_one_value() {
    let world = World::new(
        "create table clients (id int primary key, phone text, name text unique deferrable initially deferred,
             room int4range, exclude using gist (room with &&) deferrable)",
        &[T],
    )
    .await;
    world
        .new_side("insert into clients values (1, 'live', 'one', '[1,5)'), (3, 'live', 'three', '[10,20)')")
        .await;
    world
        .old("insert into clients values (2, 'other', 'one', null), (4, 'other', 'four', '[15,16)'), (5, 'other', 'five', '[30,31)')")
        .await;
    let _mirror = world.mirror_as(ByPhone);
    eventually("both sides park what the other keeps out", async || {
        let (old, new) = (world.standing(Backend::Old).await, world.standing(Backend::New).await);
        (old.parked == 2 && new.parked == 2 && old.dirty + new.dirty == 0).then_some(())
    })
    .await;
    let mut states: Vec<_> = world
        .backends
        .old
        .parked()
        .await
        .unwrap()
        .into_iter()
        .map(|key| key.sqlstate)
        .collect();
    states.sort();
    assert_eq!(states, ["23505", "23P01"]);
    assert_eq!(world.rows(Backend::New, "id", "clients").await, "(1)\n(3)\n(5)");
    assert_eq!(world.rows(Backend::Old, "id", "clients").await, "(2)\n(4)\n(5)");
}
