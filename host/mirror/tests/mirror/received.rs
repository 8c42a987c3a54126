//! What the other side has received may only be noted here: then it goes as it is taken.

use std::time::Duration;

use turnout_backends::{Ack, Receipt, Taken};
use turnout_vocabulary::{Backend, Epoch};

use crate::handed_over::{THERE, with_clients};
use crate::world::World;

#[tokio::test]
async fn what_is_noted_as_received_is_noted_until_the_table_was_read_from_its_beginning() {
    let world = with_clients(1).await;
    let source = &world.backends.old;
    let (lease, first) = noted(&world).await;
    let forgets = async |from: &Taken| {
        let first = Some((from.file, from.parts[0].seen.as_str()));
        !source.forget_received(lease, first).await.unwrap()
    };
    assert!(!forgets(&first).await, "it was read from its beginning before that");

    // A later one is no part of what was received.
    world.old("update clients set name = 'later'").await;
    let second = source.take(lease, None, 10, &[]).await.unwrap().unwrap();
    assert_eq!(second.received.len(), 2, "{second:?}");
    assert_eq!(second.parts[0].keys[0].entries.len(), 1, "{second:?}");
    world.old("vacuum full turnout.dirty").await;
    assert!(!forgets(&second).await, "its places are others now");
    let third = source.take(lease, None, 10, &[]).await.unwrap().unwrap();
    assert_eq!(third.received.len(), 2, "{third:?}");
    assert!(forgets(&third).await);
}

#[tokio::test]
async fn what_is_noted_as_received_is_no_divergence_after_a_failover() {
    let world = with_clients(1).await;
    noted(&world).await;
    let given_up = world.backends.old.give_up(Epoch::new(1), "left behind").await.unwrap();
    assert_eq!(given_up, 0);
    assert!(world.dirty().await.is_empty());
}

#[tokio::test]
async fn whoever_reads_what_is_noted_holds_up_nothing() {
    let world = with_clients(1).await;
    let source = &world.backends.old;
    let (lease, _) = noted(&world).await;
    let _dump = world.begun("lock table turnout.noted in access share mode").await;
    assert!(source.forget_received(lease, None).await.unwrap());
    assert!(!source.forget_received(lease, None).await.unwrap(), "all was forgotten");
}

#[tokio::test]
async fn what_was_received_before_may_have_diverged_since() {
    let world = with_clients(1).await;
    let source = &world.backends.old;
    let (lease, _) = noted(&world).await;
    world
        .old("insert into turnout.divergence (repository, key, epoch, reason) values (1, '{\"id\":1}', 1, 'since')")
        .await;
    let taken = source.take(lease, None, 10, &[]).await.unwrap().unwrap();
    let ack = Ack {
        entries: taken.received,
        ..Ack::default()
    };
    source.ack(lease, taken.file, &ack).await.unwrap();
    assert!(world.dirty().await.is_empty());
    assert_eq!(world.standing(Backend::Old).await.diverged, 1);
}

#[tokio::test]
async fn what_was_noted_in_another_cluster_hides_nothing_in_a_copy() {
    let world = with_clients(1).await;
    world
        .old("insert into turnout.noted (repository, key, seen) values (1, '{\"id\":1}', '900000000:900000000:')")
        .await;
    world.old("update clients set name = 'changed'").await;
    let _mirror = world.mirror();
    world.equal("*", "clients").await;
}

#[tokio::test]
async fn dirty_keys_are_read_from_the_first_place_though_the_table_was_empty_and_somebody_reads_it() {
    let world = with_clients(1).await;
    let source = &world.backends.old;
    let lease = source.take_lease("one", Duration::from_mins(1)).await.unwrap().unwrap();
    world.old("vacuum turnout.dirty").await;
    assert!(source.take(lease, None, 32, &[]).await.unwrap().is_none());
    world
        .old(
            "insert into turnout.dirty (epoch, repository, behind, key)
            select 1, 1, false, '{\"id\":1}' from generate_series(1, 500000)",
        )
        .await;
    // PostgreSQL has whoever scans a large table begin where others are.
    world.old("select from turnout.dirty offset 300000 limit 1").await;
    let taken = source.take(lease, None, 32, &[]).await.unwrap().unwrap();
    assert_eq!(taken.place.unwrap(), "(0,32)");
}

/// The only client was handed over, and is noted as received with the first of its three entries. The lease, and what was taken
/// with that.
async fn noted(world: &World) -> (i64, Taken) {
    let source = &world.backends.old;
    world.old("update clients set name = 'older'").await;
    world.old(THERE).await;
    let lease = source.take_lease("one", Duration::from_mins(1)).await.unwrap().unwrap();
    let taken = source.take(lease, None, 1, &[]).await.unwrap().unwrap();
    let part = &taken.parts[0];
    let ack = Ack {
        entries: part.keys[0].entries.clone(),
        receipts: vec![Receipt {
            schema: "public".into(),
            table: "clients".into(),
            keys: vec![part.keys[0].key.get().to_owned()],
            seen: part.seen.clone(),
        }],
        noted: true,
        ..Ack::default()
    };
    source.ack(lease, taken.file, &ack).await.unwrap();
    (lease, taken)
}
