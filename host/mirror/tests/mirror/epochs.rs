//! `old` decides whether a handoff is released or abandoned: never both.

use std::time::Duration;

use turnout_backends::{EpochRecord, KeptSets};
use turnout_vocabulary::Epoch;

use crate::world::{Table, World};

const CLIENTS: &str = "create table clients (id int primary key, phone text)";

fn record(epoch: u64) -> EpochRecord {
    EpochRecord {
        epoch: Epoch::new(epoch),
        set: "{}".into(),
        forced: None,
        released: false,
        age: Duration::ZERO,
        converged: vec![],
        site: None,
    }
}

#[tokio::test]
async fn an_abandonment_is_released_as_it_is_recorded_and_ends_the_handoff_for_good() {
    let world = World::new(CLIENTS, &[Table::called("clients")]).await;
    let old = &world.backends.old;
    assert!(old.record_epoch(&record(1), &[], KeptSets::default()).await.unwrap());
    assert!(old.release_epoch(Epoch::new(1)).await.unwrap());
    assert!(old.record_epoch(&record(2), &[], KeptSets::default()).await.unwrap());
    assert!(old.record_abandonment(&record(3), KeptSets::default()).await.unwrap());
    // A slow coordinator comes too late, and to abandon once more changes nothing.
    assert!(!old.release_epoch(Epoch::new(2)).await.unwrap());
    assert!(old.record_abandonment(&record(3), KeptSets::default()).await.unwrap());
    let newest = old.newest_epochs().await.unwrap();
    assert_eq!(
        (newest.released, newest.newest),
        (Some(Epoch::new(3)), Some(Epoch::new(3)))
    );
}

#[tokio::test]
async fn what_is_released_cannot_be_abandoned() {
    let world = World::new(CLIENTS, &[Table::called("clients")]).await;
    let old = &world.backends.old;
    assert!(old.record_epoch(&record(1), &[], KeptSets::default()).await.unwrap());
    assert!(old.release_epoch(Epoch::new(1)).await.unwrap());
    assert!(!old.record_abandonment(&record(2), KeptSets::default()).await.unwrap());
    assert_eq!(old.newest_epochs().await.unwrap().newest, Some(Epoch::new(1)));
    // To release it once more is true also when a newer epoch is recorded.
    assert!(old.record_epoch(&record(2), &[], KeptSets::default()).await.unwrap());
    assert!(old.release_epoch(Epoch::new(1)).await.unwrap());
}

#[tokio::test]
async fn of_a_release_and_an_abandonment_at_the_same_time_one_counts() {
    const ROUNDS: u64 = 40;
    let world = World::new(CLIENTS, &[Table::called("clients")]).await;
    let old = &world.backends.old;
    let mut epoch = 1;
    for _ in 0..ROUNDS {
        assert!(
            old.record_epoch(&record(epoch), &[], KeptSets::default())
                .await
                .unwrap()
        );
        let next = record(epoch + 1);
        let (released, abandoned) = tokio::join!(
            old.release_epoch(Epoch::new(epoch)),
            old.record_abandonment(&next, KeptSets::default())
        );
        let (released, abandoned) = (released.unwrap(), abandoned.unwrap());
        assert!(
            released != abandoned,
            "epoch {epoch}: released {released}, abandoned {abandoned}"
        );
        epoch += 2;
    }
}
