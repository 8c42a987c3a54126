//! A whole table is copied as a dirty range, in chunks, while it changes.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection, raw_sql};

use turnout_backends::DirtyRange;
use turnout_vocabulary::{Backend, Epoch, PerBackend};

use crate::judge::OneSided;
use crate::world::{CLIENTS, T, Table, World, eventually};

/// Makes a table a dirty range of `old`.
async fn begin_range(world: &World, table: usize) {
    let repository = &world.repositories[table];
    let backends = &world.backends;
    let before = PerBackend {
        old: backends.old.before_comparison(repository).await.unwrap(),
        new: backends.new.before_comparison(repository).await.unwrap(),
    };
    let key = backends.old.key_order(repository).await.unwrap().columns;
    backends
        .old
        .begin_range(repository, &key, Epoch::FIRST, 100, &before)
        .await
        .unwrap();
}

/// Waits until all ranges of `old` are done with; the first of them.
async fn until_done(world: &World) -> DirtyRange {
    eventually("the ranges are done with", async || {
        let ranges = world.backends.old.ranges().await.ok()?;
        ranges
            .iter()
            .all(|range| range.is_done)
            .then_some(ranges.into_iter().next()?)
    })
    .await
}

#[tokio::test]
async fn rows_of_every_type_are_copied_byte_by_byte() {
    const ROWS: &str = r#"create table t (
        id int generated always as identity primary key, "a ""b" text, c numeric, d timestamptz, e jsonb, f json, g bytea, h text[],
        i int generated always as (id * 2) stored, j float8, k interval, l char(5)
    );"#;
    let world = World::differing(
        &format!(
            r#"{ROWS} insert into t ("a ""b", c, d, e, f, g, h, j, k, l)
            select case n % 3 when 0 then null when 1 then E'tab\t line\n back\\slash \\N ''quote"' else '\N' end, n / 7.0,
                '2026-11-30 12:00+03'::timestamptz + n * interval '1.000001 s', '{{"a": 1.50}}', '{{"a":  1.50}}',
                decode(md5(n::text), 'hex'), array['x', null, 'NULL', ',"'], n / 7.0, interval '1 month -3 days', 'ab'
            from generate_series(1, 5000) as n"#
        ),
        ROWS,
        &[Table::called("t")],
    )
    .await;
    begin_range(&world, 0).await;
    let _mirror = world.mirror();
    let range = until_done(&world).await;
    assert_eq!((range.rows, range.copied), (5000, 5000));
    assert_eq!(world.dirty().await, Vec::<String>::new(), "no row needed an entry");
    world.equal("*", "t").await;
}

#[tokio::test]
async fn rows_that_are_there_already_are_compared() {
    let world = World::differing(
        &format!("{CLIENTS} insert into clients select n, 'c' || n, 'x' from generate_series(1, 3000) as n"),
        &format!("{CLIENTS} insert into clients values (5, 'c5', 'x'), (7, 'other', 'x'), (9999, 'more', 'x'), (-1, 'less', 'x')"),
        &[T],
    )
    .await;
    begin_range(&world, 0).await;
    let _mirror = world.mirror();
    let range = until_done(&world).await;
    assert_eq!((range.rows, range.copied), (3000, 2998));
    world.equal("*", "clients").await;
}

#[tokio::test]
async fn a_table_that_is_mostly_there_is_compared_by_digests() {
    let world = World::differing(
        &format!("{CLIENTS} insert into clients select n, 'c' || n, 'x' from generate_series(1, 3000) as n"),
        &format!(
            "{CLIENTS} insert into clients select n, 'c' || n, 'x' from generate_series(2, 9000) as n;
            update clients set name = 'other' where id = 1500"
        ),
        &[T],
    )
    .await;
    begin_range(&world, 0).await;
    let _mirror = world.mirror();
    let range = until_done(&world).await;
    assert_eq!((range.rows, range.copied), (3000, 0));
    world.equal("*", "clients").await;
}

#[tokio::test]
async fn writes_beside_a_range_are_kept_though_hosts_die() {
    let world = World::differing(
        &format!("{CLIENTS} insert into clients select n, 'c' || n, 'x' from generate_series(1, 60000) as n"),
        CLIENTS,
        &[T],
    )
    .await;
    begin_range(&world, 0).await;
    let writes = async {
        for round in 0..60 {
            let from = round * 1000;
            world
                .old(&format!(
                    "update clients set name = name || '!' where id between {from} and {from} + 20;
                    delete from clients where id between {from} + 21 and {from} + 30;
                    insert into clients values ({from} + 25, 'again {from}', 'x'), (100000 + {from}, 'late {from}', 'x')"
                ))
                .await;
        }
    };
    let hosts = async {
        for _ in 0..6 {
            let host = world.another_host();
            let mirror = host.mirror();
            let before = world.backends.old.ranges().await.unwrap()[0].rows;
            eventually("the range moves", async || {
                let range = &world.backends.old.ranges().await.ok()?[0];
                (range.is_done || range.rows > before).then_some(())
            })
            .await;
            // Dropped without a word, as by SIGKILL.
            drop(mirror);
        }
        let mirror = world.mirror();
        until_done(&world).await;
        mirror
    };
    let ((), _mirror) = tokio::join!(writes, hosts);
    world.equal("*", "clients").await;
}

#[tokio::test]
async fn parents_are_copied_before_those_that_refer_to_them() {
    const TABLES: &str = "create table parent (id int primary key); create table child (id int primary key, parent int references parent);";
    let world = World::differing(
        &format!(
            "{TABLES} insert into parent select generate_series(1, 4000);
            insert into child select n, n from generate_series(1, 4000) as n"
        ),
        TABLES,
        &[Table::called("child"), Table::called("parent")],
    )
    .await;
    begin_range(&world, 0).await;
    begin_range(&world, 1).await;
    let _mirror = world.mirror();
    until_done(&world).await;
    assert_eq!(world.dirty().await, Vec::<String>::new(), "no row needed an entry");
    world.equal("*", "child").await;
    world.equal("*", "parent").await;
}

#[tokio::test]
async fn a_row_that_the_other_side_refuses_holds_up_no_other() {
    let world = World::differing(
        "create table t (id int primary key, n int); insert into t select n, n from generate_series(1, 3000) as n",
        "create table t (id int primary key, n int check (n <> 1234));",
        &[Table::called("t")],
    )
    .await;
    begin_range(&world, 0).await;
    let judge = OneSided::new(Backend::Old);
    judge.park_after(1);
    let _mirror = world.mirror_as(judge);
    until_done(&world).await;
    world.until_drained().await;
    assert_eq!(world.standing(Backend::Old).await.parked, 1);
    assert_eq!(world.text(Backend::New, "select count(*)::text from t").await, "2999");
}

#[tokio::test]
async fn orphans_are_found_though_foreign_keys_are_silent() {
    let world = World::differing(
        "create table parent (id int primary key); create table child (id int primary key, parent int);
        insert into parent values (1); insert into child values (1, 1), (2, 2), (3, null)",
        "create table parent (id int primary key); create table child (id int primary key, parent int references parent);",
        &[Table::called("child"), Table::called("parent")],
    )
    .await;
    begin_range(&world, 0).await;
    begin_range(&world, 1).await;
    let judge = OneSided::new(Backend::Old);
    judge.park_after(1);
    let _mirror = world.mirror_as(judge);
    until_done(&world).await;
    eventually("the orphan is parked", async || {
        (world.standing(Backend::Old).await.parked == 1).then_some(())
    })
    .await;
    assert_eq!(world.rows(Backend::New, "id", "child").await, "(1)\n(3)");
}

#[tokio::test]
async fn columns_of_another_type_are_not_copied_blindly() {
    let world = World::differing(
        "create table t (id int primary key, n numeric); insert into t values (1, 1.23), (2, 1.5)",
        "create table t (id int primary key, n numeric(5, 1));",
        &[Table::called("t")],
    )
    .await;
    begin_range(&world, 0).await;
    let judge = OneSided::new(Backend::Old);
    judge.park_after(1);
    let _mirror = world.mirror_as(judge);
    let range = until_done(&world).await;
    assert_eq!(range.copied, 0);
    eventually("the row that came out otherwise is parked", async || {
        (world.standing(Backend::Old).await.parked > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn rows_of_others_and_rows_that_are_not_mirrored_stay() {
    let rows = format!("{CLIENTS} insert into clients values (1, 'mine', 'x'), (2, 'off', 'x'), (3, 'away', 'x')");
    let world = World::differing(&rows, CLIENTS, &[T]).await;
    begin_range(&world, 0).await;
    let _mirror = world.mirror();
    until_done(&world).await;
    assert_eq!(world.rows(Backend::New, "id", "clients").await, "(1)");
    // The row of a subject whose authority is `new` is marked there: `old` is to lose it.
    let marked = "select string_agg(key || ' ' || subject, ',') from turnout.dirty";
    let noted = world.text(Backend::New, marked).await;
    let shown = world
        .text(Backend::New, "select string_agg(key, ',') from turnout.divergence")
        .await;
    assert_eq!(format!("{noted}{shown}").split(' ').next(), Some("{\"id\":3}"));
}

#[tokio::test]
async fn a_refused_chunk_hands_nothing_over() {
    let rows = format!(
        "{CLIENTS} insert into clients values (1, 'mine', 'x'), (2, 'off', 'x'), (3, 'away', 'x'), (4, 'bad', 'refused')"
    );
    let table = format!("{CLIENTS} alter table clients add check (name <> 'refused')");
    let world = World::differing(&rows, &table, &[T]).await;
    begin_range(&world, 0).await;
    let judge = OneSided::new(Backend::Old);
    judge.park_after(1);
    let _mirror = world.mirror_as(judge);
    until_done(&world).await;
    world.until_drained().await;
    assert_eq!(world.rows(Backend::New, "id", "clients").await, "(1)");
    assert_eq!(world.standing(Backend::Old).await.parked, 1);
}

#[tokio::test]
async fn nothing_is_copied_under_an_epoch_that_is_over() {
    let world = World::differing(
        &format!("{CLIENTS} insert into clients values (1, 'one', 'x')"),
        CLIENTS,
        &[T],
    )
    .await;
    begin_range(&world, 0).await;
    // The fence of the source comes first where that loses authority, and the range goes unseen then.
    world.backends.new.raise_fence(Epoch::new(2)).await.unwrap();
    let _mirror = world.mirror();
    // An entry that comes later is mirrored, so the applier has seen the range.
    world.old("insert into clients values (2, 'two', 'x')").await;
    world.until_drained().await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(world.rows(Backend::New, "id", "clients").await, "(2)");
    assert!(!world.backends.old.ranges().await.unwrap()[0].is_done);
}

#[tokio::test]
async fn rows_that_are_large_together_are_copied_one_by_one() {
    let world = World::differing(
        "create table t (id int primary key, x text); alter table t alter x set storage external;
        insert into t select n, repeat(md5(n::text), 200000) from generate_series(1, 6) as n",
        "create table t (id int primary key, x text)",
        &[Table::called("t")],
    )
    .await;
    begin_range(&world, 0).await;
    let _mirror = world.mirror();
    until_done(&world).await;
    world.equal("id, md5(x)", "t").await;
}

#[tokio::test]
async fn a_range_of_a_locked_or_dropped_table_holds_up_no_other() {
    const TABLES: &str = "create table locked (id int primary key); create table dropped (id int primary key);
        create table other (id int primary key);";
    let rows = format!("{TABLES} insert into locked values (1); insert into dropped values (1)");
    let tables = [
        Table::called("locked"),
        Table::called("dropped"),
        Table::called("other"),
    ];
    let world = World::differing(&rows, TABLES, &tables).await;
    begin_range(&world, 0).await;
    begin_range(&world, 1).await;
    world.new_side("drop table dropped").await;
    let mut lock = PgConnection::connect(&world.urls.new).await.unwrap();
    raw_sql("begin; lock table locked").execute(&mut lock).await.unwrap();
    let _mirror = world.mirror();
    for id in 1..=3 {
        world.old(&format!("insert into other values ({id})")).await;
        eventually("the other table is mirrored", async || {
            (world.text(Backend::New, "select count(*)::text from other").await == id.to_string()).then_some(())
        })
        .await;
    }
    raw_sql("rollback").execute(&mut lock).await.unwrap();
    eventually("the range of the locked table is done with", async || {
        (world.text(Backend::New, "select count(*)::text from locked").await == "1").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_row_on_its_way_to_the_other_side_is_not_marked_as_gone_there() {
    let rows = format!("{CLIENTS} insert into clients values (1, 'mine', 'x')");
    let world = World::differing(&rows, CLIENTS, &[T]).await;
    world.old("update clients set phone = 'away'").await;
    begin_range(&world, 0).await;
    let _mirror = world.mirror();
    until_done(&world).await;
    world.until_drained().await;
    let marked = world
        .text(Backend::New, "select string_agg(key, ',') from turnout.dirty")
        .await;
    assert_eq!(marked, "", "`new` would have the row deleted on `old`");
    world.equal("*", "clients").await;
}
