//! What the role of Turnout can't see is an error, never a deleted row.

use turnout_vocabulary::Backend;

use crate::unprivileged;
use crate::world::{Table, World, eventually};

#[tokio::test]
async fn rows_that_row_level_security_hides_are_not_taken_for_gone() {
    let schema = "create table t (id int primary key, name text); create table other (id int primary key)";
    let world = unprivileged::world(schema, &[Table::called("t"), Table::called("other")]).await;
    let mirror = world.mirror();
    world.old("insert into t values (1, 'one'), (2, 'two')").await;
    world.equal("*", "t").await;
    world
        .old("alter table t enable row level security; alter table t force row level security; create policy few on t using (id = 1)")
        .await;
    // As the superuser, whom no policy stops.
    world.as_superuser(Backend::Old, "update t set name = 'changed'").await;
    world.old("insert into other values (1)").await;
    eventually("the other table is mirrored", async || {
        (world.rows(Backend::New, "*", "other").await == "(1)").then_some(())
    })
    .await;
    let reason = eventually("the repository is stopped", async || {
        mirror.stopped(Backend::Old, world.repositories[0].id)
    })
    .await;
    assert!(reason.contains("row-level security"), "{reason}");
    assert_eq!(world.text(Backend::New, "select count(*)::text from t").await, "2");

    world.old("alter table t no force row level security").await;
    world.equal("*", "t").await;
    assert_eq!(world.rows(Backend::New, "name", "t").await, "(changed)\n(changed)");
}

#[tokio::test]
async fn a_target_that_hides_rows_takes_none() {
    let world = unprivileged::world("create table t (id int primary key, name text)", &[Table::called("t")]).await;
    let _mirror = world.mirror();
    world.old("insert into t values (1, 'one')").await;
    world.equal("*", "t").await;
    world
        .new_side("alter table t enable row level security; alter table t force row level security; create policy none on t using (false)")
        .await;
    world.old("delete from t").await;
    eventually("the key is held", async || {
        let standing = world.standing(Backend::Old).await;
        (standing.held + standing.parked == 1).then_some(())
    })
    .await;
    world.new_side("alter table t no force row level security").await;
    world.backends.old.retry_parked(None).await.unwrap();
    world.until_drained().await;
    assert_eq!(world.rows(Backend::New, "*", "t").await, "");
}

#[tokio::test]
async fn a_table_that_is_dropped_renamed_or_lacks_its_subject_column_stops_itself_only() {
    for change in [
        "drop table t",
        "alter table t rename to moved",
        "alter table t rename phone to telephone",
    ] {
        let world = World::new(
            "create table t (id int primary key, phone text); create table other (id int primary key)",
            &[Table::called("t").subject("phone"), Table::called("other")],
        )
        .await;
        world.old("insert into t values (1, 'one')").await;
        world.old(change).await;
        let mirror = world.mirror();
        world.old("insert into other values (1)").await;
        eventually("the other table is mirrored", async || {
            (world.rows(Backend::New, "*", "other").await == "(1)").then_some(())
        })
        .await;
        eventually("the repository is stopped", async || {
            mirror.stopped(Backend::Old, world.repositories[0].id)
        })
        .await;
        assert_eq!(world.dirty().await.len(), 1, "{change}");
    }
}
