//! A write that waits for its own keys to be mirrored.

use std::time::Duration;

use turnout_mirror::Mirror;
use turnout_vocabulary::{Backend, MirrorState};

use crate::judge::OneSided;
use crate::world::{World, with_a_row_in_the_way};

/// How long a write waits.
const BOUND: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_write_is_told_what_became_of_its_own_keys() {
    let world = with_a_row_in_the_way().await;
    let judge = OneSided::new(Backend::Old);
    judge.park_after(4);
    let mirror = world.mirror_as(judge);
    let write = async |values: &str| write(&world, &format!("insert into clients values {values}")).await;
    for values in ["(1, 'one')", "(2, 'two'), (5, 'five')"] {
        let transaction = write(values).await;
        assert_eq!(
            mirror.mirrored(Backend::Old, transaction, BOUND).await,
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
    assert_parked(&world, &mirror, transaction).await;
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
    assert_eq!(mirror.mirrored(Backend::Old, many, BOUND).await, MirrorState::Done);
}

#[tokio::test]
async fn a_write_whose_key_failed_is_not_over_when_a_later_batch_has_the_key_too() {
    let world = with_a_row_in_the_way().await;
    // The first of its dirty keys is the last of a batch, the other is in the next.
    world
        .old("insert into clients select n, 'p' || n from generate_series(10, 40) as n")
        .await;
    let first = write(&world, "insert into clients values (1, 'taken')").await;
    let second = write(&world, "update clients set name = 'again' where id = 1").await;
    let judge = OneSided::new(Backend::Old);
    judge.park_after(1);
    let mirror = world.mirror_as(judge);
    for transaction in [second, first] {
        assert_parked(&world, &mirror, transaction).await;
    }
}

/// The transaction of a write on `old`.
async fn write(world: &World, script: &str) -> i64 {
    let script = format!("{script} returning pg_current_xact_id()::text");
    world.text(Backend::Old, &script).await.parse().unwrap()
}

async fn assert_parked(world: &World, mirror: &Mirror, transaction: i64) {
    assert_eq!(
        mirror.mirrored(Backend::Old, transaction, BOUND).await,
        MirrorState::Parked
    );
    assert_eq!(
        world.backends.old.mirror_state(transaction).await.unwrap(),
        MirrorState::Parked
    );
}
