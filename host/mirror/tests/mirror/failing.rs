//! A row that can't be applied is tried again, put aside in the end, and holds up no other.

use sqlx::{Connection as _, PgConnection};
use turnout_backends::ParkedKey;
use turnout_vocabulary::{Backend, Epoch};

use crate::judge::OneSided;
use crate::world::{Table, World, eventually};

const CLIENTS: &str = "create table clients (id int primary key, phone text unique, name text);";

const T: Table = Table::called("clients").subject("phone");

/// `new` has a row of its own that keeps the phone `taken` from coming.
async fn with_a_row_in_the_way() -> World {
    let world = World::new(CLIENTS, &[T]).await;
    world
        .new_side("set turnout.epoch = 'mirror'; insert into clients values (1000, 'taken', 'theirs')")
        .await;
    world
}

async fn parked(world: &World) -> ParkedKey {
    eventually("a row is parked", async || {
        world.backends.old.parked().await.unwrap().pop()
    })
    .await
}

#[tokio::test]
async fn two_rows_swap_a_unique_value_in_one_transaction_and_in_two() {
    let world = World::new(CLIENTS, &[T]).await;
    let mirror = world.mirror();
    world
        .old("insert into clients select n, 'p' || n from generate_series(1, 500) as n")
        .await;
    world.equal("*", "clients").await;
    world
        .old("begin; update clients set phone = 'x' where id = 1; update clients set phone = 'p1' where id = 2; update clients set phone = 'p2' where id = 1; commit")
        .await;
    world.equal("*", "clients").await;
    for script in [
        "update clients set phone = 'x' where id = 3",
        "update clients set phone = 'p3' where id = 4",
        "update clients set phone = 'p4' where id = 3",
    ] {
        world.old(script).await;
    }
    world.equal("*", "clients").await;
    // All of them at once, in a circle, among rows that only change their names.
    drop(mirror);
    world
        .old(
            "update clients set name = 'changed';
              begin; update clients set phone = 'q' || id where id between 10 and 200;
              update clients set phone = 'p' || (id - 9) % 191 + 10 where id between 10 and 200; commit",
        )
        .await;
    let _mirror = world.mirror();
    world.equal("*", "clients").await;
    assert!(world.backends.old.parked().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_row_that_another_keeps_out_is_parked_and_others_pass_it_swaps_included() {
    let world = with_a_row_in_the_way().await;
    let judge = OneSided::new(Backend::Old);
    judge.park_after(5);
    world
        .old("insert into clients values (1, 'one'), (2, 'two'), (3, 'three')")
        .await;
    {
        let _mirror = world.mirror();
        world.until_drained().await;
    }
    // In one batch: a swap, a row that is kept out, and rows that have no trouble.
    world
        .old(
            "begin; update clients set phone = 'x' where id = 1; update clients set phone = 'one' where id = 2;
              update clients set phone = 'two' where id = 1; update clients set phone = 'taken' where id = 3;
              insert into clients values (4, 'four'); commit",
        )
        .await;
    let _mirror = world.mirror_as(judge);
    let parked = parked(&world).await;
    assert_eq!(
        (parked.key.as_str(), parked.sqlstate.as_str(), parked.attempts),
        (r#"{"id":3}"#, "23505", 5)
    );
    assert_eq!(parked.reason, "table clients: constraint clients_phone_key");
    world.equal("*", "clients where id not in (3, 1000)").await;
    world.old("update clients set name = 'n' where id <> 3").await;
    world.equal("*", "clients where id not in (3, 1000)").await;
    let standing = world.standing(Backend::Old).await;
    assert_eq!((standing.parked, standing.held), (1, 0));
}

#[tokio::test]
async fn a_parked_row_can_be_tried_again() {
    let world = with_a_row_in_the_way().await;
    let judge = OneSided::new(Backend::Old);
    judge.park_after(2);
    let _mirror = world.mirror_as(judge);
    world.old("insert into clients values (3, 'taken')").await;
    parked(&world).await;
    assert_eq!(world.backends.old.retry_parked(None).await.unwrap(), 1);
    parked(&world).await;
    world
        .new_side("set turnout.epoch = 'mirror'; delete from clients where id = 1000")
        .await;
    assert_eq!(world.backends.old.retry_parked(Some("clients")).await.unwrap(), 1);
    world.equal("*", "clients").await;
    eventually("nothing is held", async || {
        let standing = world.standing(Backend::Old).await;
        (standing.held + standing.parked == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_parked_row_that_changes_again_is_tried_again() {
    let world = with_a_row_in_the_way().await;
    let judge = OneSided::new(Backend::Old);
    judge.park_after(1);
    let _mirror = world.mirror_as(judge);
    world.old("insert into clients values (3, 'taken')").await;
    parked(&world).await;
    world.old("update clients set phone = 'free' where id = 3").await;
    world.equal("*", "clients where id < 1000").await;
    eventually("nothing is parked", async || {
        (world.standing(Backend::Old).await.parked == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_parked_row_can_be_given_up_and_is_shown_until_it_is_mirrored_again() {
    let world = with_a_row_in_the_way().await;
    let judge = OneSided::new(Backend::Old);
    judge.park_after(1);
    let _mirror = world.mirror_as(judge);
    world.old("insert into clients values (3, 'taken')").await;
    parked(&world).await;
    assert_eq!(world.backends.old.drop_parked(None).await.unwrap(), 1);
    let standing = world.standing(Backend::Old).await;
    assert_eq!((standing.parked, standing.diverged), (0, 1));
    world.old("update clients set phone = 'free' where id = 3").await;
    world.equal("*", "clients where id < 1000").await;
    eventually("it is shown no longer", async || {
        (world.standing(Backend::Old).await.diverged == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_change_on_the_wrong_side_is_shown_there_until_the_authority_has_its_way() {
    let world = World::new(CLIENTS, &[T]).await;
    let _mirror = world.mirror();
    world.old("insert into clients values (1, 'one'), (2, 'two')").await;
    world.until_drained().await;
    world.new_side("update clients set name = 'wrong'").await;
    eventually("both are shown", async || {
        (world.standing(Backend::New).await.diverged == 2).then_some(())
    })
    .await;
    assert_eq!(world.rows(Backend::Old, "name", "clients").await, "()\n()");
    world.old("update clients set name = 'right' where id = 1").await;
    eventually("one is shown", async || {
        (world.standing(Backend::New).await.diverged == 1).then_some(())
    })
    .await;
    world.old("delete from clients where id = 2").await;
    eventually("none is shown", async || {
        (world.standing(Backend::New).await.diverged == 0).then_some(())
    })
    .await;
    world.equal("*", "clients").await;
}

#[tokio::test]
async fn a_row_that_somebody_keeps_locked_holds_up_no_other() {
    let world = World::new(CLIENTS, &[T]).await;
    let _mirror = world.mirror();
    world
        .old("insert into clients select n, 'p' || n from generate_series(1, 100) as n")
        .await;
    world.until_drained().await;
    let mut psql = PgConnection::connect(&world.urls.new).await.unwrap();
    sqlx::raw_sql("begin; select from clients where id = 50 for update")
        .execute(&mut psql)
        .await
        .unwrap();
    world.old("update clients set name = 'changed'").await;
    eventually("all others arrive", async || {
        let arrived = world.text(
            Backend::New,
            "select count(*)::text from clients where name = 'changed'",
        );
        (arrived.await == "99").then_some(())
    })
    .await;
    sqlx::raw_sql("rollback").execute(&mut psql).await.unwrap();
    world.equal("*", "clients").await;
}

#[tokio::test]
async fn a_table_that_the_other_side_does_not_serve_loses_nothing() {
    let world = World::new(CLIENTS, &[T]).await;
    world.new_side("delete from turnout.repository").await;
    let _mirror = world.mirror();
    world.old("insert into clients values (1, 'one')").await;
    eventually("the row is held", async || {
        (world.standing(Backend::Old).await.held == 1).then_some(())
    })
    .await;
    world.install(Backend::New, false).await;
    world.equal("*", "clients").await;
}

#[tokio::test]
async fn a_held_row_counts_for_every_subject_that_it_had() {
    let world = with_a_row_in_the_way().await;
    world.old("insert into clients values (3, 'before')").await;
    let _mirror = world.mirror();
    world.until_drained().await;
    world.old("update clients set phone = 'taken' where id = 3").await;
    eventually("the row is held", async || {
        (world.standing(Backend::Old).await.held == 1).then_some(())
    })
    .await;
    let leftovers = world.backends.old.leftovers(Epoch::FIRST).await.unwrap();
    let mut subjects: Vec<_> = leftovers
        .into_iter()
        .map(|leftover| leftover.subject.unwrap())
        .collect();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects, ["before", "taken"]);
}

#[tokio::test]
async fn a_write_is_told_what_became_of_its_own_keys() {
    use std::time::Duration;
    use turnout_vocabulary::MirrorState;
    let world = with_a_row_in_the_way().await;
    let judge = OneSided::new(Backend::Old);
    judge.park_after(4);
    let mirror = world.mirror_as(judge);
    let bound = Duration::from_secs(10);
    let write = async |values: &str| -> i64 {
        let script = format!("insert into clients values {values} returning pg_current_xact_id()::text");
        world.text(Backend::Old, &script).await.parse().unwrap()
    };
    for values in ["(1, 'one')", "(2, 'two'), (5, 'five')"] {
        let transaction = write(values).await;
        assert_eq!(
            mirror.mirrored(Backend::Old, transaction, bound).await,
            MirrorState::Done
        );
        // Also when it is asked again, by a host that did not mirror it.
        let other = world.another_host();
        assert_eq!(
            other.backends.old.mirror_state(transaction).await.unwrap(),
            MirrorState::Done
        );
    }
    let transaction = write("(3, 'taken'), (4, 'four')").await;
    assert_eq!(
        mirror.mirrored(Backend::Old, transaction, bound).await,
        MirrorState::Parked
    );
    assert_eq!(
        world.backends.old.mirror_state(transaction).await.unwrap(),
        MirrorState::Parked
    );
    // A thousand rows, so that batches are full.
    let many: i64 = world
        .text(
            Backend::Old,
            "with many as (insert into clients select n, 'm' || n from generate_series(10, 900) as n returning 1) select pg_current_xact_id()::text from many limit 1",
        )
        .await
        .parse()
        .unwrap();
    world.until_drained().await;
    assert_eq!(mirror.mirrored(Backend::Old, many, bound).await, MirrorState::Done);
}

#[tokio::test]
async fn a_table_that_is_locked_as_a_whole_holds_up_no_other_table() {
    let world = World::new(
        &format!("{CLIENTS} create table other (id int primary key);"),
        &[T, Table::called("other")],
    )
    .await;
    let _mirror = world.mirror();
    world
        .old("insert into clients select n, 'p' || n from generate_series(1, 10) as n")
        .await;
    world.until_drained().await;
    let mut psql = PgConnection::connect(&world.urls.new).await.unwrap();
    sqlx::raw_sql("begin; lock table clients")
        .execute(&mut psql)
        .await
        .unwrap();
    world
        .old("insert into clients select n, 'p' || n from generate_series(11, 3000) as n; delete from clients where id < 10")
        .await;
    world.old("insert into other select generate_series(1, 100)").await;
    eventually("the other table is mirrored", async || {
        (world.text(Backend::New, "select count(*)::text from other").await == "100").then_some(())
    })
    .await;
    sqlx::raw_sql("rollback").execute(&mut psql).await.unwrap();
    world.equal("*", "clients").await;
}
