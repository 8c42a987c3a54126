//! Where nobody may silence triggers and foreign keys, the mirror's writes carry a mark.

use sqlx::{Connection as _, PgConnection, raw_sql};
use turnout_backends::GapKind;
use turnout_vocabulary::{Backend, PerBackend};

use crate::gaps::{compare, gap};
use crate::world::{Table, World, databases, eventually, run};

const SCHEMA: &str = "
    create table a (id int primary key, name text);
    create table b (id int primary key, a int references a on delete cascade, phone text unique, updated_at text);
    create table c (id int primary key, b int references b);
    create function touch() returns trigger language plpgsql as $$ begin new.updated_at := 'touched ' || current_database(); return new; end $$;
    create trigger touch before update on b for each row execute function touch();";

const TABLES: &[Table] = &[Table::called("b"), Table::called("c"), Table::called("a")];

/// Turnout is not a superuser, but owns the tables.
pub(crate) async fn world(schema: &str, tables: &[Table]) -> World {
    differing(&PerBackend::from_fn(|_| schema.to_owned()), tables).await
}

/// The same with a script of its own for each side.
pub(crate) async fn differing(scripts: &PerBackend<String>, tables: &[Table]) -> World {
    let urls = databases().await;
    let role = "plain";
    for backend in Backend::ALL {
        let (_, database) = urls[backend].rsplit_once('/').unwrap();
        let created = format!(
            "do $$ begin create role {role} login password 'secret'; exception when duplicate_object or unique_violation then null; end $$;
             alter database {database} owner to {role}; alter schema public owner to {role}"
        );
        run(&urls[backend], &created).await;
    }
    let urls = PerBackend::from_fn(|backend| {
        let (_, rest) = urls[backend].split_once('@').unwrap();
        format!("postgres://{role}:secret@{rest}")
    });
    for backend in Backend::ALL {
        run(&urls[backend], &scripts[backend]).await;
    }
    World::installed(urls, tables).await
}

#[tokio::test]
async fn mirrored_writes_leave_no_key_and_a_warning_names_the_triggers_that_fire() {
    let world = world(SCHEMA, TABLES).await;
    let remarks = world.install(Backend::New, false).await;
    assert!(
        remarks
            .iter()
            .any(|remark| remark.contains("touch") && remark.contains("plain")),
        "{remarks:?}"
    );
    let _mirror = world.mirror();
    world
        .old("insert into a values (1), (2); insert into b (id, a, phone) values (1, 1, 'one'), (2, 2, 'two'); insert into c values (1, 1)")
        .await;
    for table in ["a", "b", "c"] {
        world.equal("*", table).await;
    }
    world
        .old("update a set name = 'x'; update b set a = 2 where id = 1")
        .await;
    world.equal("id, a, phone", "b").await;
    assert!(
        world
            .rows(Backend::New, "updated_at", "b where id = 1")
            .await
            .contains("touched new")
    );
    assert_eq!(
        world
            .text(Backend::New, "select count(*)::text from turnout.dirty")
            .await,
        "0"
    );
    // Children go before their parents.
    world
        .old("delete from c; delete from b where id = 1; delete from a where id = 1")
        .await;
    for table in ["a", "c"] {
        world.equal("*", table).await;
    }
    world.old("delete from a").await;
    world.until_drained().await;
    assert_eq!(world.rows(Backend::New, "*", "b").await, "");
    assert_eq!(world.standing(Backend::Old).await.parked, 0);
}

#[tokio::test]
async fn a_parent_that_comes_later_is_waited_for() {
    let world = world(
        "create table a (id int primary key); create table b (id int primary key, a int references a on delete cascade);",
        &[Table::called("a"), Table::called("b")],
    )
    .await;
    // The parent is there, but its key is not dirty yet.
    world
        .old("insert into a values (1); delete from turnout.dirty; insert into b values (1, 1)")
        .await;
    let _mirror = world.mirror();
    eventually("the child is held", async || {
        let standing = world.backends.old.mirror_standing().await.unwrap();
        standing
            .iter()
            .any(|table| table.table == "b" && table.held == 1)
            .then_some(())
    })
    .await;
    world.old("update a set id = 1").await;
    world.equal("*", "b").await;
}

#[tokio::test]
async fn rows_swap_a_unique_value_where_nothing_cascades_from_them() {
    let world = world(
        "create table clients (id int primary key, phone text unique);
         create table bookings (id int primary key, client int not null references clients);",
        &[Table::called("clients"), Table::called("bookings")],
    )
    .await;
    let _mirror = world.mirror();
    world
        .old("insert into clients values (1, 'one'), (2, 'two'); insert into bookings values (1, 1), (2, 2)")
        .await;
    world.until_drained().await;
    world
        .old("begin; update clients set phone = 'x' where id = 1; update clients set phone = 'one' where id = 2; update clients set phone = 'two' where id = 1; commit")
        .await;
    world.equal("*", "clients").await;
    world.equal("*", "bookings").await;
}

#[tokio::test]
async fn a_parent_takes_no_child_along_that_has_moved_to_another() {
    let world = world(
        "create table a (id int primary key);
         create table b (id int primary key, a int references a on delete cascade);
         create table c (id int primary key, b int references b on delete cascade);",
        &[Table::called("a"), Table::called("b"), Table::called("c")],
    )
    .await;
    let mirror = world.mirror();
    world
        .old("insert into a values (1), (2); insert into b values (1, 1); insert into c values (1, 1)")
        .await;
    world.until_drained().await;
    drop(mirror);
    // The child moves, the parent goes, and the grandchild, which has not changed, must stay.
    world.old("update b set a = 2").await;
    world.old("delete from a where id = 1").await;
    let _mirror = world.mirror();
    for table in ["a", "b", "c"] {
        world.equal("*", table).await;
    }
    assert_eq!(world.rows(Backend::New, "*", "c").await, "(1,1)");
}

#[tokio::test]
async fn an_owner_that_switches_triggers_off_and_on_makes_a_gap_that_a_comparison_closes() {
    let world = world(
        "create table clients (id int primary key);",
        &[Table::called("clients")],
    )
    .await;
    assert_eq!(compare(&world, Backend::Old).await, 0);
    let _mirror = world.mirror();
    for script in [
        "alter table clients disable trigger all; insert into clients select generate_series(1, 20); alter table clients enable trigger all",
        "truncate clients",
    ] {
        world.old(script).await;
        assert!(matches!(
            gap(&world, Backend::Old).await,
            Some(GapKind::Uncaptured | GapKind::Replaced)
        ));
        assert_eq!(compare(&world, Backend::Old).await, 20, "{script}");
        assert_eq!(gap(&world, Backend::Old).await, None, "{script}");
        world.equal("*", "clients").await;
    }
}

#[tokio::test]
async fn row_that_comes_to_refer_to_a_removed_one_is_not_taken_along() {
    let world = world(
        "create table a (id int primary key); create table b (id int primary key, a int references a on delete cascade);",
        &[Table::called("a"), Table::called("b")],
    )
    .await;
    let _mirror = world.mirror();
    world.old("insert into a values (1)").await;
    world.until_drained().await;
    let mut psql = PgConnection::connect(&world.urls.new).await.unwrap();
    raw_sql("begin; insert into b values (1, 1)")
        .execute(&mut psql)
        .await
        .unwrap();
    world.old("delete from a").await;
    eventually("the mirror waits for the row", async || {
        let waits = "select count(*)::text from pg_locks where not granted and locktype in ('transactionid', 'tuple')";
        (world.text(Backend::New, waits).await != "0").then_some(())
    })
    .await;
    raw_sql("commit").execute(&mut psql).await.unwrap();
    eventually("the key is held", async || {
        (world.standing(Backend::Old).await.held == 1).then_some(())
    })
    .await;
    assert_eq!(world.rows(Backend::New, "id", "b").await, "(1)");
}
