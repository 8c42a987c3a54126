//! A row that can't be applied is tried again; in the end its key is parked and shown.

use std::time::Duration;

use turnout_vocabulary::{Backend, Epoch};

use crate::judge::OneSided;
use crate::world::{CLIENTS, T, World, eventually, parked, with_a_row_in_the_way};

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
async fn a_row_that_rests_after_a_failure_is_tried_again_when_somebody_waits_for_it() {
    let world = with_a_row_in_the_way().await;
    let judge = OneSided::new(Backend::Old);
    judge.rest(Duration::from_hours(1));
    let _mirror = world.mirror_as(judge);
    world.old("insert into clients values (3, 'taken')").await;
    eventually("the row is held", async || {
        (world.standing(Backend::Old).await.held == 1).then_some(())
    })
    .await;
    world
        .new_side("set turnout.epoch = 'mirror'; delete from clients where id = 1000")
        .await;
    eventually("nothing is left", async || {
        let leftovers = world.backends.old.leftovers(Epoch::FIRST).await.unwrap();
        leftovers.is_empty().then_some(())
    })
    .await;
    world.equal("*", "clients").await;
}
