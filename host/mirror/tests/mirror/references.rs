//! References hold on the other side as well, also where PostgreSQL does not check them while the mirror writes.

use turnout_vocabulary::{Backend, PerBackend};

use crate::judge::OneSided;
use crate::unprivileged;
use crate::world::{Table, World, eventually, parked};

const SCHEMA: &str = "
    create table people (id int primary key, name text);
    create table orders (id int primary key, person int references people on delete cascade);";

const TABLES: &[Table] = &[Table::called("orders"), Table::called("people")];

#[tokio::test]
async fn a_row_whose_parent_is_gone_is_parked() {
    let world = World::new(SCHEMA, TABLES).await;
    world.old("insert into people values (1, 'one'), (2, 'two')").await;
    let judge = OneSided::new(Backend::Old);
    judge.park_after(3);
    let _mirror = world.mirror_as(judge);
    world.equal("*", "people").await;
    world
        .new_side("set turnout.epoch = 'mirror'; delete from people where id = 1")
        .await;
    world.old("insert into orders values (10, 1), (20, 2)").await;
    let parked = parked(&world).await;
    assert_eq!(
        (parked.sqlstate.as_str(), parked.reason.as_str()),
        ("23503", "table orders: constraint orders_person_fkey")
    );
    assert_eq!(world.rows(Backend::New, "*", "orders").await, "(20,2)");
}

#[tokio::test]
async fn a_row_that_others_refer_to_stays() {
    let world = World::new(SCHEMA, TABLES).await;
    world
        .old("insert into people values (1, 'one'), (2, 'two'), (3, 'three'); insert into orders values (30, 3)")
        .await;
    let judge = OneSided::new(Backend::Old);
    judge.park_after(3);
    let _mirror = world.mirror_as(judge);
    for table in ["people", "orders"] {
        world.equal("*", table).await;
    }
    world
        .new_side("set turnout.epoch = 'mirror'; insert into orders values (10, 1)")
        .await;
    // The order of the third person goes with it.
    world.old("delete from people").await;
    let parked = parked(&world).await;
    assert_eq!(
        (parked.sqlstate.as_str(), parked.key.as_str()),
        ("23503", r#"{"id":1}"#)
    );
    assert_eq!(world.rows(Backend::New, "id", "people").await, "(1)");
    assert_eq!(world.rows(Backend::New, "id", "orders").await, "(10)");
}

#[tokio::test]
async fn circles_and_trees_arrive_with_and_without_the_right_to_silence_triggers() {
    let schema = "
        create table a (id int primary key, b int);
        create table b (id int primary key, a int references a deferrable initially immediate);
        alter table a add foreign key (b) references b deferrable;
        create table tree (id int primary key, parent int references tree);";
    let tables = &[Table::called("a"), Table::called("b"), Table::called("tree")];
    for world in [
        World::new(schema, tables).await,
        unprivileged::world(schema, tables).await,
    ] {
        world
            .old(
                "begin; set constraints all deferred; insert into a values (1, 1); insert into b values (1, 1); commit;
                 insert into tree values (1, null), (2, 1), (3, 2)",
            )
            .await;
        let _mirror = world.mirror();
        for table in ["a", "b", "tree"] {
            world.equal("*", table).await;
        }
        world
            .old("begin; set constraints all deferred; delete from a; delete from b; commit; delete from tree")
            .await;
        world.until_drained().await;
        for table in ["a", "b", "tree"] {
            assert_eq!(world.rows(Backend::New, "*", table).await, "", "{table}");
        }
    }
}

#[tokio::test]
async fn one_row_that_a_deferred_constraint_refuses_holds_up_no_other() {
    let schema = "create table t (id int primary key, name text unique deferrable initially deferred)";
    let tables = &[Table::called("t")];
    for world in [
        World::new(schema, tables).await,
        unprivileged::world(schema, tables).await,
    ] {
        world
            .new_side("set turnout.epoch = 'mirror'; insert into t values (1000, 'taken')")
            .await;
        let judge = OneSided::new(Backend::Old);
        judge.park_after(2);
        let _mirror = world.mirror_as(judge);
        world
            .old(
                "insert into t select n, case n when 7 then 'taken' else 'n' || n end from generate_series(1, 20) as n",
            )
            .await;
        let parked = parked(&world).await;
        assert_eq!(
            (parked.sqlstate.as_str(), parked.key.as_str()),
            ("23505", r#"{"id":7}"#)
        );
        eventually("all others arrive", async || {
            (world.text(Backend::New, "select count(*)::text from t").await == "20").then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_trigger_that_changes_mirrored_rows_is_shown() {
    let touch = "create function touch() returns trigger language plpgsql as $$ begin new.name := 'touched'; return new; end $$;
        create trigger touch before insert on t for each row execute function touch();";
    let later = "create function later() returns trigger language plpgsql as $$
        begin update t set name = 'later' where id = new.id and name <> 'later'; return null; end $$;
        create trigger later after insert on t for each row execute function later();";
    for trigger in [touch, later] {
        let table = "create table t (id int primary key, name text);";
        let world = unprivileged::differing(
            &PerBackend {
                old: table.to_owned(),
                new: format!("{table} {trigger}"),
            },
            &[Table::called("t")],
        )
        .await;
        let _mirror = world.mirror();
        world.old("insert into t values (1, 'given')").await;
        let parked = parked(&world).await;
        assert_eq!(
            parked.reason,
            "table t: columns came out otherwise than they were given: name"
        );
    }
}
