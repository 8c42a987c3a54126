//! Whatever breaks, nothing is lost and it goes on by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use sqlx::{Connection as _, PgConnection, raw_sql};
use turnout_backends::Ack;
use turnout_cluster::{Cluster, Options};
use turnout_mirror::Mirror;
use turnout_vocabulary::{Backend, PerBackend};

use crate::world::{Table, World, eventually, run};

const TABLE: &str = "create table t (id int primary key, n int);";

/// Both sides on clusters of their own.
async fn apart() -> (PerBackend<Cluster>, World, Mirror) {
    let (old, new) = tokio::try_join!(Cluster::start(Options::default()), Cluster::start(Options::default())).unwrap();
    let urls = PerBackend {
        old: old.url().to_owned(),
        new: new.url().to_owned(),
    };
    for backend in Backend::ALL {
        run(&urls[backend], TABLE).await;
    }
    let world = World::installed(urls, &[Table::called("t")]).await;
    let mirror = world.mirror();
    world
        .old("insert into t select n, 0 from generate_series(1, 200) as n")
        .await;
    world.equal("*", "t").await;
    (PerBackend { old, new }, world, mirror)
}

#[tokio::test]
async fn what_changes_while_the_other_side_is_down_arrives_when_it_is_back() {
    let (mut clusters, world, _mirror) = apart().await;
    clusters.new.kill().await.unwrap();
    for _ in 0..5 {
        world
            .old("update t set n = n + 1; delete from t where id % 50 = n")
            .await;
    }
    assert!(!world.dirty().await.is_empty());
    clusters.new.restart().await.unwrap();
    world.equal("*", "t").await;
}

#[tokio::test]
async fn a_source_that_crashes_loses_no_key() {
    let (mut clusters, world, _mirror) = apart().await;
    for _ in 0..5 {
        let (url, written) = (world.urls.old.clone(), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&written);
        let writer = tokio::spawn(async move {
            let mut connection = PgConnection::connect(&url).await.unwrap();
            let write = "update t set n = n + 1 where id % 7 = n % 7";
            while raw_sql(write).execute(&mut connection).await.is_ok() {
                counted.fetch_add(1, Relaxed);
            }
        });
        eventually("it is written", async || (written.load(Relaxed) > 10).then_some(())).await;
        clusters.old.kill().await.unwrap();
        clusters.old.restart().await.unwrap();
        writer.await.unwrap();
    }
    world.equal("*", "t").await;
}

#[tokio::test]
async fn what_was_acknowledged_does_not_come_back_with_a_source_that_crashes_unless_it_was_said_that_it_may() {
    let (mut clusters, world, mirror) = apart().await;
    drop(mirror);
    let source = &world.backends.old;
    // Whatever commits usually do there.
    for setting in ["synchronous_commit = off", "wal_writer_delay = '10s'"] {
        world.old(&format!("alter system set {setting}")).await;
    }
    world.old("select pg_reload_conf()").await;
    for may_be_lost in [true, false, true, false] {
        world.old("update t set n = n + 1 where id = 1").await;
        let lease = eventually("the lease is free", async || {
            source.take_lease("test", Duration::ZERO).await.ok()?
        })
        .await;
        let taken = source.take(lease, None, 10, &[]).await.unwrap().unwrap();
        let tick = source.ticks().await.unwrap().outgoing_tick;
        let ack = Ack {
            entries: taken.parts[0].keys[0].entries.clone(),
            may_be_lost,
            tick,
            before: tick,
            ..Ack::default()
        };
        source.ack(lease, taken.file, &ack).await.unwrap();
        if may_be_lost {
            source.persist().await.unwrap();
        }
        clusters.old.kill().await.unwrap();
        clusters.old.restart().await.unwrap();
        assert!(world.dirty().await.is_empty());
    }
}

#[tokio::test]
async fn sessions_that_are_killed_cost_nothing_but_a_repeat() {
    let (_clusters, world, _mirror) = apart().await;
    for _ in 0..20 {
        world.old("update t set n = n + 1").await;
        for backend in Backend::ALL {
            world
                .on(backend, "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'")
                .await;
        }
    }
    world.equal("*", "t").await;
    assert_eq!(world.backends.old.parked().await.unwrap(), []);
}

#[tokio::test]
async fn the_table_of_dirty_keys_stays_small_while_it_is_drained() {
    let world = World::new(TABLE, &[Table::called("t")]).await;
    let _mirror = world.mirror();
    world
        .old("insert into t select n, 0 from generate_series(1, 2000) as n")
        .await;
    for _ in 0..60 {
        world.old("update t set n = n + 1").await;
        world.until_drained().await;
    }
    world.equal("*", "t").await;
    let size: i64 = world
        .text(Backend::Old, "select pg_total_relation_size('turnout.dirty')::text")
        .await
        .parse()
        .unwrap();
    assert!(size < 6_000_000, "{size} bytes after 120,000 writes");
}

#[tokio::test]
async fn one_host_that_does_not_reach_the_other_side_leaves_the_lease_to_one_that_does() {
    let world = World::new(TABLE, &[Table::called("t")]).await;
    let mut cut_off = world.another_host();
    let nowhere = PerBackend {
        old: world.urls.old.clone(),
        new: "postgres://nobody@127.0.0.1:1/nowhere".to_owned(),
    };
    cut_off.backends = Arc::new(PerBackend::from_fn(|backend| {
        crate::world::open(backend, &nowhere, &world.repositories)
    }));
    let _cut_off = cut_off.mirror();
    world.old("insert into t values (1, 1)").await;
    let _mirror = world.mirror();
    world.equal("*", "t").await;
    eventually("the row arrives", async || {
        (world.rows(Backend::New, "*", "t").await == "(1,1)").then_some(())
    })
    .await;
}
