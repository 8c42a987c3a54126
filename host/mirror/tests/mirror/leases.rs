//! One applier works at a time, and one that was dispossessed can do nothing.

use std::time::Duration;

use turnout_backends::{Ack, ChangedRows, DirtyKey, Error, Receipt, TableChange};
use turnout_vocabulary::Backend;

use crate::world::{Table, World, eventually};

const T: Table = Table::called("clients");
const CLIENTS: &str = "create table clients (id int primary key, name text);";
const PATIENCE: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_lease_is_one_holders_until_it_is_left_or_not_renewed() {
    let world = World::new(CLIENTS, &[T]).await;
    let source = &world.backends.old;
    let first = source.take_lease("first", PATIENCE).await.unwrap().unwrap();
    assert_eq!(source.take_lease("second", PATIENCE).await.unwrap(), None);
    assert_eq!(source.take_lease("first", PATIENCE).await.unwrap(), Some(first + 1));
    // Giving up what one has no more changes nothing.
    source.leave_lease(first).await.unwrap();
    assert_eq!(source.take_lease("second", PATIENCE).await.unwrap(), None);
    source.leave_lease(first + 1).await.unwrap();
    assert_eq!(source.take_lease("second", PATIENCE).await.unwrap(), Some(first + 2));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(
        source.take_lease("third", Duration::from_millis(10)).await.unwrap(),
        Some(first + 3)
    );
}

#[tokio::test]
async fn a_stale_token_can_neither_take_nor_apply_nor_acknowledge() {
    let world = World::new(CLIENTS, &[T]).await;
    let (source, target) = (&world.backends.old, &world.backends.new);
    world.old("insert into clients values (1, 'yesterday')").await;
    let slow = source.take_lease("slow", PATIENCE).await.unwrap().unwrap();
    assert!(target.admit_lease(slow).await.unwrap());
    let taken = source.take(slow, None, 10, &[]).await.unwrap().unwrap();
    let (part, key) = (&taken.parts[0], &taken.parts[0].keys[0]);

    // The successor raises the token on the source: from here on the slow one can clear no key.
    source.leave_lease(slow).await.unwrap();
    let successor = source.take_lease("successor", PATIENCE).await.unwrap().unwrap();
    assert!(matches!(
        source.take(slow, None, 10, &[]).await,
        Err(Error::Dispossessed { .. })
    ));
    let ack = Ack {
        entries: key.entries.clone(),
        ..Ack::default()
    };
    assert!(matches!(
        source.ack(slow, taken.file, &ack).await,
        Err(Error::Dispossessed { .. })
    ));
    let received = Receipt {
        schema: "public".into(),
        table: "clients".into(),
        keys: vec![key.key.get().to_owned()],
        seen: part.seen.clone(),
    };
    assert!(matches!(
        source.end_received(slow, &[received]).await,
        Err(Error::Dispossessed { .. })
    ));
    assert_eq!(world.dirty().await.len(), 1);

    // Then on the target: from here on it can put no old row over a new one.
    assert!(target.admit_lease(successor).await.unwrap());
    assert!(!target.admit_lease(slow).await.unwrap());
    world.old("update clients set name = 'today'").await;
    let apply = async |held: i64, key: &DirtyKey| {
        let change = TableChange {
            schema: "public",
            table: "clients",
            seen: "",
            rows: ChangedRows::There {
                keys: vec![&key.key],
                rows: vec![key.row.as_deref().unwrap()],
                columns: vec!["id".into(), "name".into()],
                subjects: None,
                handed_over: vec![],
                arriving: vec![],
            },
        };
        target.apply(held, &[change], 1, 0).await
    };
    let newer = source.take(successor, None, 10, &[]).await.unwrap().unwrap();
    apply(successor, &newer.parts[0].keys[0]).await.unwrap();
    assert!(matches!(apply(slow, key).await, Err(Error::Dispossessed { .. })));
    assert!(matches!(
        target.forget_receipts(slow).await,
        Err(Error::Dispossessed { .. })
    ));
    assert_eq!(world.rows(Backend::New, "*", "clients").await, "(1,today)");

    let ack = Ack {
        entries: newer.parts[0].keys[0].entries.clone(),
        ..Ack::default()
    };
    source.ack(successor, newer.file, &ack).await.unwrap();
    assert!(world.dirty().await.is_empty());
}

#[tokio::test]
async fn places_in_a_table_that_was_rewritten_clear_nothing() {
    let world = World::new(CLIENTS, &[T]).await;
    let source = &world.backends.old;
    world.old("insert into clients values (1), (2)").await;
    let lease = source.take_lease("one", PATIENCE).await.unwrap().unwrap();
    let taken = source.take(lease, None, 1, &[]).await.unwrap().unwrap();
    world.old("vacuum full turnout.dirty").await;
    let ack = Ack {
        entries: taken.parts[0].keys[0].entries.clone(),
        ..Ack::default()
    };
    assert!(source.ack(lease, taken.file, &ack).await.is_err());
    assert_eq!(world.dirty().await.len(), 2);
}

#[tokio::test]
async fn of_two_hosts_one_mirrors_and_the_other_takes_over() {
    let world = World::new(CLIENTS, &[T]).await;
    let second = world.another_host();
    let (one, other) = (world.mirror(), second.mirror());
    let at_work = |mirror: &turnout_mirror::Mirror| mirror.is_at_work(Backend::Old);
    eventually("one is at work", async || {
        (at_work(&one) || at_work(&other)).then_some(())
    })
    .await;
    for number in 0..50 {
        world.old(&format!("insert into clients values ({number})")).await;
        assert!(!(at_work(&one) && at_work(&other)), "both are at work");
    }
    world.equal("*", "clients").await;
    let (gone, stays) = if at_work(&one) { (one, other) } else { (other, one) };
    drop(gone);
    world.old("insert into clients values (100)").await;
    world.equal("*", "clients").await;
    assert!(at_work(&stays));
}
