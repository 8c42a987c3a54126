//! What the other side has received may only be noted here: then it goes as it is taken.

use std::time::Duration;

use turnout_backends::{Ack, Receipt, Taken};
use turnout_vocabulary::Epoch;

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
    let second = source.take(lease, None, 10).await.unwrap().unwrap();
    assert_eq!(second.received.len(), 2, "{second:?}");
    assert_eq!(second.parts[0].keys[0].entries.len(), 1, "{second:?}");
    world.old("vacuum full turnout.dirty").await;
    assert!(!forgets(&second).await, "its places are others now");
    let third = source.take(lease, None, 10).await.unwrap().unwrap();
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

/// The only client was handed over, and is noted as received with the first of its three entries. The lease, and what was taken
/// with that.
async fn noted(world: &World) -> (i64, Taken) {
    let source = &world.backends.old;
    world.old(&format!("update clients set name = 'older'; {THERE}")).await;
    let lease = source.take_lease("one", Duration::from_mins(1)).await.unwrap().unwrap();
    let taken = source.take(lease, None, 1).await.unwrap().unwrap();
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
