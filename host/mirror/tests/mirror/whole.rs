//! A row is applied whole or not at all, and a row that came out otherwise is shown.

use turnout_vocabulary::Backend;

use crate::judge::OneSided;
use crate::world::{Table, World, eventually, parked};

#[tokio::test]
async fn a_column_that_the_target_lacks_parks_the_row_and_is_named() {
    for side in Backend::ALL {
        let world = World::new("create table t (id int primary key, name text)", &[Table::called("t")]).await;
        let judge = OneSided::new(side);
        judge.park_after(2);
        let _mirror = world.mirror_as(judge);
        world.on(side, "insert into t values (1, 'one')").await;
        world.until_drained_from(side).await;
        world.on(side, "alter table t add extra text").await;
        world
            .on(side, "update t set name = 'two', extra = 'kept' where id = 1")
            .await;
        let parked = eventually("the row is parked", async || {
            world.backends[side].parked().await.unwrap().pop()
        })
        .await;
        assert_eq!(
            (parked.sqlstate.as_str(), parked.reason.as_str()),
            ("42703", "table t: that side has no column extra")
        );
        assert_eq!(world.rows(side.other(), "*", "t").await, "(1,one)");

        world.on(side.other(), "alter table t add extra text").await;
        world.backends[side].retry_parked(None).await.unwrap();
        eventually("the row arrives whole", async || {
            (world.rows(side.other(), "*", "t").await == "(1,two,kept)").then_some(())
        })
        .await;
    }
}

/// What the target makes of a column, and a value that comes out otherwise there.
const NARROWER: &[(&str, &str, &str)] = &[
    ("numeric", "numeric(10, 2)", "1.005"),
    ("timestamptz", "timestamptz(0)", "2024-01-01 00:00:00.6+00"),
    ("timestamp", "date", "2024-01-01 10:00:00"),
    ("double precision", "real", "0.1234567890123"),
    ("text", "char(3)", "ab"),
    ("text", "bytea", "abc"),
];

#[tokio::test]
async fn a_row_that_came_out_otherwise_is_shown_with_its_columns_like_a_parked_one() {
    for (of_old, of_new, value) in NARROWER {
        let table = |kind: &str| format!("create table t (id int primary key, same text, v {kind})");
        let world = World::differing(&table(of_old), &table(of_new), &[Table::called("t")]).await;
        let _mirror = world.mirror();
        world
            .old(&format!(
                "insert into t values (1, 'same', '{value}'), (2, 'same', null)"
            ))
            .await;
        let parked = parked(&world).await;
        assert_eq!(
            (parked.sqlstate.as_str(), parked.reason.as_str(), parked.key.as_str()),
            (
                "TN007",
                "table t: columns came out otherwise than they were given: v",
                r#"{"id":1}"#
            ),
            "{of_old} as {of_new}"
        );
        assert_eq!(world.standing(Backend::Old).await.parked, 1, "{of_old} as {of_new}");
        world.old("update t set v = null").await;
        eventually("nothing is parked", async || {
            (world.standing(Backend::Old).await.parked == 0).then_some(())
        })
        .await;
        world.equal("*", "t").await;
    }
}

#[tokio::test]
async fn a_key_that_comes_out_otherwise_writes_nothing() {
    let world = World::differing(
        "create table t (k numeric primary key, v text)",
        "create table t (k numeric(10, 1) primary key, v text)",
        &[Table::called("t").key(&["k"])],
    )
    .await;
    world
        .new_side("set turnout.epoch = 'mirror'; insert into t values (1.2, 'another row')")
        .await;
    let _mirror = world.mirror();
    world.old("insert into t values (1.15, 'rounded to 1.2')").await;
    assert_eq!(parked(&world).await.sqlstate, "TN007");
    assert_eq!(world.rows(Backend::New, "*", "t").await, "(1.2,\"another row\")");
}

#[tokio::test]
async fn a_generated_column_that_is_computed_otherwise_is_shown() {
    let table = |factor: u32| {
        format!("create table t (id int primary key, n int, m int generated always as (n * {factor}) stored)")
    };
    let world = World::differing(&table(2), &table(3), &[Table::called("t")]).await;
    let _mirror = world.mirror();
    world.old("insert into t values (1, 5)").await;
    assert_eq!(
        parked(&world).await.reason,
        "table t: columns came out otherwise than they were given: m"
    );
}
