//! What somebody keeps locked on the other side waits, and holds up nothing else.

use sqlx::{Connection as _, PgConnection};
use turnout_vocabulary::Backend;

use crate::world::{CLIENTS, T, Table, World, eventually};

#[tokio::test]
async fn a_row_that_somebody_keeps_locked_holds_up_no_other() {
    let world = World::new(CLIENTS, &[T]).await;
    let _mirror = world.mirror();
    world
        .old("insert into clients select n, 'p' || n from generate_series(1, 100) as n")
        .await;
    world.until_drained().await;
    let mut psql = PgConnection::connect(&world.urls.new).await.unwrap();
    sqlx::raw_sql("begin; select from clients where id = 50 for update")
        .execute(&mut psql)
        .await
        .unwrap();
    world.old("update clients set name = 'changed'").await;
    eventually("all others arrive", async || {
        let arrived = world.text(
            Backend::New,
            "select count(*)::text from clients where name = 'changed'",
        );
        (arrived.await == "99").then_some(())
    })
    .await;
    sqlx::raw_sql("rollback").execute(&mut psql).await.unwrap();
    world.equal("*", "clients").await;
}

#[tokio::test]
async fn a_table_that_is_locked_as_a_whole_holds_up_no_other_table() {
    let world = World::new(
        &format!("{CLIENTS} create table other (id int primary key);"),
        &[T, Table::called("other")],
    )
    .await;
    let _mirror = world.mirror();
    world
        .old("insert into clients select n, 'p' || n from generate_series(1, 10) as n")
        .await;
    world.until_drained().await;
    let mut psql = PgConnection::connect(&world.urls.new).await.unwrap();
    sqlx::raw_sql("begin; lock table clients")
        .execute(&mut psql)
        .await
        .unwrap();
    world
        .old("insert into clients select n, 'p' || n from generate_series(11, 3000) as n; delete from clients where id < 10")
        .await;
    world.old("insert into other select generate_series(1, 100)").await;
    eventually("the other table is mirrored", async || {
        (world.text(Backend::New, "select count(*)::text from other").await == "100").then_some(())
    })
    .await;
    sqlx::raw_sql("rollback").execute(&mut psql).await.unwrap();
    world.equal("*", "clients").await;
}
