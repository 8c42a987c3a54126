//! A write that waits for its own keys to be mirrored.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection, raw_sql};
use turnout_vocabulary::{Backend, MirrorState};

use crate::judge::OneSided;
use crate::world::{CLIENTS, T, World, eventually, with_a_row_in_the_way};

#[tokio::test]
async fn a_write_is_told_what_became_of_its_own_keys() {
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
async fn a_row_that_is_handed_over_is_acknowledged_before_its_writer_is_answered() {
    let world = World::new(CLIENTS, &[T]).await;
    world.old("insert into clients values (1, 'one'), (2, 'two')").await;
    let update = async |values: &str| -> i64 {
        let script = format!("update clients set {values} returning pg_current_xact_id()::text");
        world.text(Backend::Old, &script).await.parse().unwrap()
    };
    let handed_over = update("phone = 'another' where id = 2").await;
    // Nothing can be acknowledged for now.
    let mut psql = PgConnection::connect(&world.urls.old).await.unwrap();
    raw_sql("begin; lock table turnout.dirty in share mode")
        .execute(&mut psql)
        .await
        .unwrap();
    let mirror = world.mirror();
    let mirrored = async |transaction, bound| mirror.mirrored(Backend::Old, transaction, bound).await;
    eventually("both rows arrive", async || {
        let arrived = world.text(Backend::New, "select string_agg(phone, ' ' order by id) from clients");
        (arrived.await == "one another").then_some(())
    })
    .await;
    let short = Duration::from_millis(100);
    assert_eq!(mirrored(handed_over, short).await, MirrorState::Pending);
    raw_sql("rollback").execute(&mut psql).await.unwrap();
    let bound = Duration::from_secs(10);
    assert_eq!(mirrored(handed_over, bound).await, MirrorState::Done);
}
