//! Carries out the scheduled faults of hosts, databases and networks, and repairs them. When a lane ends, everything of it works again.

use std::time::Duration;

use anyhow::Result;
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};
use turnout_cluster::Cluster;
use turnout_vocabulary::Backend;

use super::calm;
use super::schedule::{Event, Shock};
use super::world::World;
use crate::{Proxy, Traffic};

/// How long hosts may take to notice that a side was restored. Some hosts are dead or frozen meanwhile.
const NOTICE: Duration = Duration::from_secs(15);

/// Carries out the faults of the host of one place.
pub(crate) async fn host(world: &World, began: Instant, events: Vec<Event>) -> Result<()> {
    for Event { at, lasts, shock } in events {
        sleep_until(began + at).await;
        match shock {
            Shock::Kill(place) => {
                world.hosts.kill(place).await;
                sleep(lasts).await;
                world.hosts.launch(place).await?;
            }
            Shock::Freeze(place) => {
                world.hosts.signal(place, Signal::SIGSTOP).await?;
                sleep(lasts).await;
                world.hosts.signal(place, Signal::SIGCONT).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Carries out the faults of one database.
pub(crate) async fn database(world: &World, cluster: &mut Cluster, began: Instant, events: Vec<Event>) -> Result<()> {
    for Event { at, lasts, shock } in events {
        sleep_until(began + at).await;
        if let Shock::Restore(backend) = shock {
            restore(world, cluster, backend, lasts).await?;
        } else {
            cluster.kill().await?;
            sleep(lasts).await;
            cluster.restart().await?;
        }
    }
    Ok(())
}

/// Restores a side that has no authority from a backup. Then a person says that the other side's rows count.
async fn restore(world: &World, cluster: &mut Cluster, backend: Backend, lasts: Duration) -> Result<()> {
    let whole = world.whole.write().await;
    let backup = cluster.back_up().await?;
    sleep(lasts).await;
    let standing = world.standing(Duration::ZERO).await;
    let Some(_standing) = standing.filter(|stages| stages.authority() == Some(backend.other())) else {
        return Ok(());
    };
    cluster.restore(backup).await?;
    drop(whole);
    // If nothing was mirrored meanwhile, nothing was lost, and the hosts need not notice.
    let noticed = calm::within(NOTICE, async || {
        for place in 0..world.hosts.count() {
            if let Some(status) = calm::status(world, place).await
                && status["restored"]["backend"] == backend.as_str()
            {
                return Some(());
            }
        }
        None
    });
    if noticed.await.is_none() {
        return Ok(());
    }
    world
        .administer("/v1/rejoin", &json!({ "side": backend.other().as_str() }))
        .await
}

/// Carries out the faults of the network to one database.
pub(crate) async fn network(proxy: &Proxy, began: Instant, events: Vec<Event>) -> Result<()> {
    for Event { at, lasts, shock } in events {
        sleep_until(began + at).await;
        proxy.set(match shock {
            Shock::Cut(_) => Traffic::Cut,
            Shock::Slow(_, delay) => Traffic::Slow(delay),
            _ => Traffic::Stalls,
        });
        sleep(lasts).await;
        proxy.set(Traffic::Flows);
    }
    Ok(())
}
