//! An installation over one of an earlier version.

use sqlx::{Connection as _, PgConnection};
use turnout_vocabulary::Backend;

use crate::world::{Table, World, eventually};

#[tokio::test]
async fn what_an_earlier_version_read_and_put_rows_with_is_written_anew() {
    let world = World::new("create table t (id int primary key);", &[Table::called("t")]).await;
    world
        .old(
            "drop function turnout.take, turnout.taken, turnout.taken_1, turnout.put;
            create function turnout.take(token bigint, after tid, batch integer) returns table (key text)
            language sql return 'earlier';
            create function turnout.taken(of_table smallint, places tid[], file oid, is_due boolean, batch integer)
            returns table (key text) language sql return 'earlier';
            create function turnout.taken_1(places tid[], file oid, is_due boolean, batch integer)
            returns table (key text) language sql return 'earlier';
            create function turnout.put(of_table smallint, rows json) returns void language sql return null;
            create function turnout.put_1(json) returns void language sql return null;
            alter table turnout.repository add read_as text;
            insert into t values (1)",
        )
        .await;
    world.install(Backend::Old, false).await;
    let _mirror = world.mirror();
    world.equal("*", "t").await;
}

#[tokio::test]
async fn what_a_host_of_an_earlier_version_applies_is_refused_and_not_half_done() {
    let world = World::new("create table t (id int primary key);", &[Table::called("t")]).await;
    let mut earlier = PgConnection::connect(&world.urls.new).await.unwrap();
    let apply = r#"select turnout.apply(0, '[{"schema": "public", "table": "t", "seen": "", "gone": [],
        "keys": [{"id":1}], "rows": [{"id":"1"}], "columns": ["id"], "handed_over": []}]')"#;
    let refused = sqlx::raw_sql(apply)
        .execute(&mut earlier)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("turnout.apply"), "{refused}");
    assert_eq!(world.rows(Backend::New, "*", "t").await, "");
}

#[tokio::test]
async fn dirty_keys_of_a_table_that_is_served_no_longer_hold_up_no_other() {
    let world = World::new(
        "create table t (id int primary key); create table once (id int primary key);",
        &[Table::called("t")],
    )
    .await;
    world
        .old(
            "insert into turnout.repository (number, schema_name, table_name, key) values (2, 'public', 'once', '{id}');
            insert into turnout.dirty (epoch, repository, behind, key) values (0, 2, true, '{\"id\":1}')",
        )
        .await;
    world.install(Backend::Old, false).await;
    let _mirror = world.mirror();
    world.old("insert into t values (1)").await;
    eventually("the other table is mirrored", async || {
        (world.text(Backend::New, "select count(*)::text from t").await == "1").then_some(())
    })
    .await;
}

#[tokio::test]
async fn table_that_is_installed_under_a_running_mirror_is_mirrored() {
    let world = World::new(
        "create table t (id int primary key); create table late (id int primary key);",
        &[Table::called("t"), Table::called("late")],
    )
    .await;
    for side in Backend::ALL {
        world
            .on(side, "delete from turnout.repository where table_name = 'late'")
            .await;
    }
    let _mirror = world.mirror();
    world.old("insert into t values (1)").await;
    world.equal("id", "t").await;
    for side in Backend::ALL {
        world.install(side, false).await;
    }
    world.old("insert into late values (1)").await;
    eventually("the late table is mirrored", async || {
        (world.text(Backend::New, "select count(*)::text from late").await == "1").then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_installation_of_another_version_is_said_to_be_that() {
    let world = World::new("create table t (id int primary key);", &[Table::called("t")]).await;
    assert_eq!(world.backends.old.check_capture().await.unwrap(), Some(vec![]));
    world
        .old("comment on schema turnout is 'The mirror and the fence of Turnout, version 0'")
        .await;
    let said = world.backends.old.check_capture().await.unwrap().unwrap();
    assert!(said[0].ends_with("run `turnout install old`"), "{said:?}");
    world.install(Backend::Old, false).await;
    assert_eq!(world.backends.old.check_capture().await.unwrap(), Some(vec![]));
}
