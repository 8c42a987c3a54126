//! A side that is restored from a base backup shows, and nothing is mirrored until a person says which side's rows count.

use turnout_backends::Error;
use turnout_cluster::{Cluster, Options};
use turnout_mirror::{Mirror, rewound};
use turnout_vocabulary::{Backend, PerBackend};

use crate::world::{Table, World, eventually, run};

/// Both sides on clusters of their own, with ten rows that were mirrored.
async fn apart() -> (PerBackend<Cluster>, World) {
    let (old, new) = tokio::try_join!(Cluster::start(Options::default()), Cluster::start(Options::default())).unwrap();
    let urls = PerBackend {
        old: old.url().to_owned(),
        new: new.url().to_owned(),
    };
    for backend in Backend::ALL {
        run(&urls[backend], "create table t (id int primary key, n int);").await;
    }
    let world = World::installed(urls, &[Table::called("t")]).await;
    (PerBackend { old, new }, world)
}

/// Writes rows one after the other, each mirrored before the next.
async fn write(world: &World, ids: std::ops::Range<u32>) {
    for id in ids {
        world.old(&format!("insert into t values ({id}, {id})")).await;
        world.until_drained().await;
    }
}

/// Waits until the applier has told `new` how far `old` is.
async fn shown(world: &World) {
    eventually("the acknowledgement is shown", async || {
        let (old, new) = (
            world.backends.old.ticks().await.ok()?,
            world.backends.new.ticks().await.ok()?,
        );
        (old.outgoing_tick == new.incoming_shown).then_some(())
    })
    .await;
}

async fn mirror_and_restore(side: Backend) -> (PerBackend<Cluster>, World, Mirror) {
    let (mut clusters, world) = apart().await;
    let mirror = world.mirror();
    write(&world, 0..5).await;
    shown(&world).await;
    assert_eq!(rewound(&world.backends).await.unwrap(), None);
    let backup = clusters[side].back_up().await.unwrap();
    world
        .old("insert into t select n, n from generate_series(100, 119) as n")
        .await;
    world.equal("*", "t").await;
    shown(&world).await;
    clusters[side].restore(backup).await.unwrap();
    (clusters, world, mirror)
}

#[tokio::test]
async fn a_side_that_is_restored_is_found_out_by_both_and_nothing_is_mirrored_from_then_on() {
    for side in Backend::ALL {
        let (_clusters, world, mirror) = mirror_and_restore(side).await;
        let found = eventually("the side is found out", async || rewound(&world.backends).await.ok()?).await;
        assert_eq!(found.side, side, "{}", found.reason);
        world.old("insert into t values (1000, 0)").await;
        for (_, database) in world.backends.iter() {
            assert_eq!(database.rewound_sides().await.unwrap(), std::slice::from_ref(&found));
        }
        // Not even by a host that starts now.
        let second = world.another_host();
        let second = second.mirror();
        eventually("neither host mirrors", async || {
            (!mirror.is_at_work(Backend::Old) && !second.is_at_work(Backend::Old)).then_some(())
        })
        .await;
        assert_eq!(world.rows(Backend::New, "*", "t where id = 1000").await, "");
    }
}

#[tokio::test]
async fn after_a_person_has_decided_both_directions_go_on() {
    let (_clusters, world, _mirror) = mirror_and_restore(Backend::New).await;
    eventually("the side is found out", async || rewound(&world.backends).await.ok()?).await;
    world.old("insert into t values (1000, 0)").await;
    for (_, database) in world.backends.iter() {
        database.level(100, 1000).await.unwrap();
    }
    eventually("the row arrives", async || {
        (world.rows(Backend::New, "*", "t where id = 1000").await == "(1000,0)").then_some(())
    })
    .await;
    assert_eq!(rewound(&world.backends).await.unwrap(), None);
}

#[tokio::test]
async fn a_crash_is_no_restore() {
    let (mut clusters, world) = apart().await;
    world.old("alter system set synchronous_commit = off").await;
    world.old("alter system set wal_writer_delay = '10s'").await;
    world.old("select pg_reload_conf()").await;
    let _mirror = world.mirror();
    for round in 0..3 {
        for side in Backend::ALL {
            let first = round * 20 + 10 * side as u32;
            write(&world, first..first + 5).await;
            clusters[side].kill().await.unwrap();
            clusters[side].restart().await.unwrap();
            world.equal("*", "t").await;
            let found = eventually("both sides answer", async || match rewound(&world.backends).await {
                Err(Error::Unavailable { .. }) => None,
                found => Some(found.unwrap()),
            })
            .await;
            assert_eq!(found, None);
        }
    }
}

#[tokio::test]
async fn what_an_authority_has_not_yet_on_its_disk_is_not_mirrored_ahead_of_it() {
    let (mut clusters, world) = apart().await;
    for setting in ["synchronous_commit = off", "wal_writer_delay = '10s'"] {
        world.old(&format!("alter system set {setting}")).await;
    }
    world.old("select pg_reload_conf()").await;
    let _mirror = world.mirror();
    for round in 0..5 {
        world
            .old(&format!(
                "insert into t select n, {round} from generate_series({round} * 100, {round} * 100 + 20) as n"
            ))
            .await;
        eventually("the rows arrive", async || {
            let there = format!("select count(*)::text from t where n = {round}");
            (world.text(Backend::New, &there).await == "21").then_some(())
        })
        .await;
        clusters.old.kill().await.unwrap();
        clusters.old.restart().await.unwrap();
        world.equal("*", "t").await;
        let there = format!("select count(*)::text from t where n = {round}");
        assert_eq!(
            world.text(Backend::Old, &there).await,
            "21",
            "the mirror was ahead of its authority"
        );
    }
}
