//! From the moment that the fence is raised no write of an older epoch commits.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};
use turnout_backends::Error;
use turnout_vocabulary::{Backend, Epoch};

use crate::world::{Table, World, eventually};

const T: Table = Table::called("clients").subject("phone");
const CLIENTS: &str = "create table clients (id int primary key, phone text unique, visits int not null default 0);
    insert into clients values (1, 'one'), (2, 'two');";

async fn psql(world: &World) -> PgConnection {
    PgConnection::connect(&world.urls.old).await.unwrap()
}

/// The SQLSTATE that a script ends with; empty if it ends well.
pub(crate) async fn state(connection: &mut PgConnection, script: &str) -> String {
    match raw_sql(AssertSqlSafe(script)).execute(connection).await {
        Ok(_) => String::new(),
        Err(error) => error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .unwrap()
            .into_owned(),
    }
}

#[tokio::test]
async fn a_write_of_an_epoch_that_is_over_is_refused_and_taken_back() {
    let world = World::new(CLIENTS, &[T]).await;
    world.backends.old.raise_fence(Epoch::new(5)).await.unwrap();
    let mut connection = psql(&world).await;
    let before = world.rows(Backend::Old, "*", "clients").await;
    for write in [
        "update clients set visits = 9",
        "insert into clients values (3, 'three')",
        "insert into clients values (1, 'one') on conflict (id) do update set visits = 9",
        "insert into clients values (1, 'one') on conflict do nothing",
        "copy clients (id) from program 'echo 7'",
        "delete from clients",
        "truncate clients",
        "merge into clients using (values (1)) as s (id) on clients.id = s.id when matched then delete",
        "with w as (update clients set visits = 9 returning 1) select count(*) from w",
        "update clients set visits = 9 where false",
    ] {
        for script in [
            format!("set turnout.epoch = '4'; {write}"),
            format!("begin; set local turnout.epoch = '4'; insert into clients values (50); {write}; commit"),
        ] {
            assert_eq!(state(&mut connection, &script).await, "TN001", "{script}");
            state(&mut connection, "rollback").await;
        }
    }
    assert_eq!(world.rows(Backend::Old, "*", "clients").await, before);
    assert_eq!(world.dirty().await, Vec::<String>::new());
    assert_eq!(
        state(
            &mut connection,
            "set turnout.epoch = '5'; update clients set visits = 5"
        )
        .await,
        ""
    );
    assert_eq!(
        state(
            &mut connection,
            "set turnout.epoch = '6'; update clients set visits = 6"
        )
        .await,
        ""
    );
    assert_eq!(
        state(&mut connection, "reset turnout.epoch; update clients set visits = 7").await,
        ""
    );
    assert_eq!(world.dirty().await.len(), 6);
}

#[tokio::test]
async fn the_fence_never_sinks() {
    let world = World::new(CLIENTS, &[T]).await;
    world.backends.old.raise_fence(Epoch::new(5)).await.unwrap();
    world.backends.old.raise_fence(Epoch::new(3)).await.unwrap();
    world.install(Backend::Old, false).await;
    assert_eq!(world.backends.old.lowest_epoch().await.unwrap(), Epoch::new(5));
}

#[tokio::test]
async fn raising_the_fence_waits_for_writes_that_were_let_in_before_psql_included() {
    let world = World::new(CLIENTS, &[T]).await;
    let database = &world.backends.old;
    database.raise_fence(Epoch::new(4)).await.unwrap();
    for setting in ["'4'", "''"] {
        let mut connection = psql(&world).await;
        let script =
            format!("begin; set local turnout.epoch = {setting}; update clients set visits = visits + 1 where id = 1");
        assert_eq!(state(&mut connection, &script).await, "");
        let next = Epoch::new(database.lowest_epoch().await.unwrap().get() + 1);
        database.raise_fence(next).await.unwrap();
        let Err(Error::Database(error)) = database.await_fence(next).await else {
            panic!("the fence did not wait")
        };
        assert_eq!(error.sqlstate, "55P03");
        // The fence stands all the same. The session of psql is named, and is not one of Turnout's that may be ended.
        let holders = database.fence_holders(next).await.unwrap();
        let [holder] = &holders[..] else { panic!("{holders:?}") };
        let process: i32 = sqlx::query_scalar("select pg_backend_pid()")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!((holder.process, holder.verb.as_deref()), (Some(process), Some("begin")));
        let mut late = psql(&world).await;
        let refused = state(
            &mut late,
            "set turnout.epoch = '4'; update clients set visits = 0 where id = 2",
        )
        .await;
        assert_eq!(refused, "TN001");
        assert_eq!(database.end_holders(next).await.unwrap(), 0);
        // A write behind Turnout's back passes meanwhile, and counts as one after the fence.
        assert_eq!(
            state(
                &mut late,
                "reset turnout.epoch; update clients set visits = 0 where id = 2"
            )
            .await,
            ""
        );
        let waiting = database.await_fence(next);
        let (waited, committed) = tokio::join!(waiting, async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            state(&mut connection, "commit").await
        });
        waited.unwrap();
        assert_eq!(database.fence_holders(next).await.unwrap(), []);
        assert_eq!(committed, "");
    }
    let epochs = world
        .text(
            Backend::Old,
            "select string_agg(epoch::text, ' ' order by epoch) from turnout.dirty",
        )
        .await;
    assert_eq!(epochs, "4 5 5 6");
}

#[tokio::test]
async fn only_sessions_of_turnout_that_hold_up_the_fence_are_ended() {
    let world = World::new(CLIENTS, &[T]).await;
    let database = &world.backends.old;
    database.raise_fence(Epoch::new(4)).await.unwrap();
    let open = async |name: &str, epoch: &str, id: i32| {
        let mut connection = psql(&world).await;
        let script = format!(
            "set application_name = '{name}'; begin; set local turnout.epoch = '{epoch}'; update clients set visits = 1 where id = {id}"
        );
        assert_eq!(state(&mut connection, &script).await, "");
        connection
    };
    let mut asleep = open("turnout", "4", 1).await;
    let mut newer = open("turnout", "5", 2).await;
    database.raise_fence(Epoch::new(5)).await.unwrap();
    assert!(database.await_fence(Epoch::new(5)).await.is_err());
    assert_eq!(database.end_holders(Epoch::new(5)).await.unwrap(), 1);
    eventually("nothing holds up the fence", async || {
        database.await_fence(Epoch::new(5)).await.ok()
    })
    .await;
    assert!(raw_sql("commit").execute(&mut asleep).await.is_err());
    assert_eq!(state(&mut newer, "commit").await, "");
    assert_eq!(world.rows(Backend::Old, "id, visits", "clients").await, "(1,0)\n(2,1)");
}

#[tokio::test]
async fn a_strict_guard_lets_only_writes_through_turnout_in() {
    let world = World::new(CLIENTS, &[T]).await;
    world.install(Backend::Old, true).await;
    let mut connection = psql(&world).await;
    assert_eq!(state(&mut connection, "update clients set visits = 1").await, "TN004");
    assert_eq!(state(&mut connection, "truncate clients").await, "TN004");
    assert_eq!(
        state(
            &mut connection,
            "set turnout.epoch = '1'; update clients set visits = 2"
        )
        .await,
        ""
    );
    world.install(Backend::Old, false).await;
    assert_eq!(
        state(&mut connection, "reset turnout.epoch; update clients set visits = 3").await,
        ""
    );
}

#[tokio::test]
async fn a_prepared_transaction_that_holds_up_the_fence_is_named_by_its_gid() {
    let world = World::new(CLIENTS, &[T]).await;
    let database = &world.backends.old;
    database.raise_fence(Epoch::new(4)).await.unwrap();
    let mut connection = psql(&world).await;
    let script =
        "begin; select pg_advisory_xact_lock_shared(turnout.lock_class(), 4); prepare transaction 'nightly run'";
    for statement in script.split(';') {
        assert_eq!(state(&mut connection, statement).await, "");
    }
    let next = Epoch::new(5);
    database.raise_fence(next).await.unwrap();
    assert!(database.await_fence(next).await.is_err());
    let holders = database.fence_holders(next).await.unwrap();
    let [holder] = &holders[..] else { panic!("{holders:?}") };
    assert_eq!(holder.prepared.as_deref(), Some("nightly run"));
    assert!(
        holder
            .to_string()
            .starts_with("prepared transaction \"nightly run\", user "),
        "{holder}"
    );
    assert_eq!(database.end_holders(next).await.unwrap(), 0);
    assert_eq!(state(&mut connection, "rollback prepared 'nightly run'").await, "");
    database.await_fence(next).await.unwrap();
}
