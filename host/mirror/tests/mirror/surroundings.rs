//! What people do around the mirror: large rows, names of any kind, functions without a schema, prepared transactions.

use std::fmt::Write as _;

use turnout_compare::Progress;
use turnout_vocabulary::Backend;

use crate::world::{Table, World, eventually, parked};

#[tokio::test]
async fn forty_rows_of_two_megabytes_travel_in_batches_of_bounded_size() {
    let world = World::new("create table t (id int primary key, blob text)", &[Table::called("t")]).await;
    let _mirror = world.mirror();
    world
        .old("insert into t select n, repeat(md5(n::text), 62500) from generate_series(1, 40) as n; insert into t values (41, 'small')")
        .await;
    eventually("all rows arrive", async || {
        (world.text(Backend::New, "select count(*)::text from t").await == "41").then_some(())
    })
    .await;
    let digest = "select md5(string_agg(md5(blob), '' order by id)) from t";
    assert_eq!(
        world.text(Backend::Old, digest).await,
        world.text(Backend::New, digest).await
    );
}

#[tokio::test]
async fn a_row_that_is_too_large_is_parked_and_holds_up_no_other() {
    let world = World::new("create table t (id int primary key, blob text)", &[Table::called("t")]).await;
    let _mirror = world.mirror();
    // Compressed it takes a megabyte.
    world
        .old("insert into t values (1, repeat('x', 150000000)), (2, 'small')")
        .await;
    let parked = parked(&world).await;
    assert_eq!(parked.key, r#"{"id":1}"#);
    assert!(parked.reason.contains("100 MB"), "{}", parked.reason);
    eventually("the other row arrives", async || {
        (world.rows(Backend::New, "*", "t").await == "(2,small)").then_some(())
    })
    .await;
    // To remove it takes no room.
    world.old("delete from t where id = 1").await;
    eventually("nothing is parked", async || {
        (world.standing(Backend::Old).await.parked == 0).then_some(())
    })
    .await;
}

/// Names that the generated functions use themselves, or that need care.
const NAMES: &[&str] = &[
    "shown",
    "key",
    "dirty",
    "found",
    "wanted",
    "present",
    "sent",
    "written",
    "excluded",
    "place",
    "subjects",
    "state",
    "reason",
    "gone",
    "child",
    "parent",
    "removed",
    "remarks",
    "c1",
    "k1",
    "t1",
    "rows",
    "part",
    "places",
    "batch",
    "{dirty}",
    "%1$s",
    "it's",
    "a \"quoted\" one",
    "back\\slash",
    "silent",
    "keys",
    "deleted",
    "other",
    "also",
    "entry",
    "since",
    "bytes",
    "too_large",
];

#[tokio::test]
async fn columns_may_be_called_as_anything_in_the_functions_of_the_installation() {
    let mut columns = String::new();
    for name in NAMES {
        let quoted = name.replace('"', "\"\"");
        write!(columns, ", \"{quoted}\" text").unwrap();
    }
    for name in ["key", "place", "present", "gone", "sent", "k1"] {
        let columns = columns.replace(&format!(", \"{name}\" text"), "");
        let key: &'static [&'static str] = vec![name].leak();
        let table = Table::called("t").key(key).subject("subjects");
        let world = World::new(
            &format!("create table t (\"{name}\" text primary key{columns}); create table child (id int primary key, present text references t)"),
            &[table, Table::called("child")],
        )
        .await;
        let _mirror = world.mirror();
        world
            .old(&format!("insert into t (\"{name}\", subjects, shown) values ('one', 'x', 'y'), ('two', 'x', 'z'); insert into child values (1, 'one')"))
            .await;
        world.equal("*", "t").await;
        world.old("update t set shown = 'changed', subjects = 'another'").await;
        world.equal("*", "t").await;
        world.old("delete from child; delete from t").await;
        world.until_drained().await;
        assert_eq!(world.rows(Backend::New, "*", "t").await, "", "{name}");
    }
}

#[tokio::test]
async fn the_applications_functions_find_what_they_name_without_a_schema() {
    let world = World::new(
        "create schema lib;
         create function lib.plain(value text) returns text immutable language sql return lower(value);
         do $$ begin execute format('alter database %I set search_path = public, lib', current_database()); end $$;
         set search_path = public, lib;
         create function bare(value text) returns text immutable language plpgsql as 'begin return plain(value); end';
         create table t (id int primary key, name text check (bare(name) <> 'forbidden'), computed text generated always as (bare(name)) stored);
         create unique index on t (bare(name));
         create function touch() returns trigger language plpgsql as 'begin perform plain(''x''); return new; end';
         create trigger touch before insert or update on t for each row execute function touch();
         alter table t enable always trigger touch;",
        &[Table::called("t")],
    )
    .await;
    let _mirror = world.mirror();
    world.old("insert into t values (1, 'One'), (2, 'Two')").await;
    world.equal("*", "t").await;
    world
        .old("update t set name = 'Three' where id = 1; delete from t where id = 2")
        .await;
    world.equal("*", "t").await;
    let epoch = turnout_vocabulary::Epoch::FIRST;
    let progress = Progress::default();
    let compared = turnout_compare::compare(&world.backends, &world.repositories[0], epoch, &progress, |_| {
        Some(Backend::Old)
    });
    assert_eq!(compared.await.unwrap().marked, 0);
}

#[tokio::test]
async fn an_idle_mirror_hears_of_a_write_behind_its_back() {
    let world = World::new("create table t (id int primary key)", &[Table::called("t")]).await;
    let _mirror = world.mirror();
    for id in 0..3 {
        eventually("the mirror rests", async || {
            (world
                .text(Backend::Old, "select last_value::text from turnout.asleep")
                .await
                == "1")
                .then_some(())
        })
        .await;
        world.old(&format!("insert into t values ({id})")).await;
        world.equal("*", "t").await;
    }
}

#[tokio::test]
async fn the_application_may_prepare_a_transaction_that_the_mirror_then_follows() {
    let world = World::new("create table t (id int primary key)", &[Table::called("t")]).await;
    let _mirror = world.mirror();
    world
        .old("begin; insert into t values (1); prepare transaction 'of the application'")
        .await;
    world.old("insert into t values (2)").await;
    eventually("the other row arrives", async || {
        (world.rows(Backend::New, "*", "t").await == "(2)").then_some(())
    })
    .await;
    world.old("commit prepared 'of the application'").await;
    eventually("the prepared row arrives", async || {
        (world.rows(Backend::New, "*", "t").await == "(1)\n(2)").then_some(())
    })
    .await;
}
