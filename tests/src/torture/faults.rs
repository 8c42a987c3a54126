//! Makes happen what the schedule says of hosts, databases and networks, and makes it good again. Each lane ends with everything as it should be.

use anyhow::Result;
use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep, sleep_until};
use turnout_cluster::Cluster;

use super::schedule::{Event, Shock};
use super::world::World;
use crate::{Proxy, Traffic};

/// What befalls the host of one place.
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

/// What befalls one database.
pub(crate) async fn database(cluster: &mut Cluster, began: Instant, events: Vec<Event>) -> Result<()> {
    for Event { at, lasts, .. } in events {
        sleep_until(began + at).await;
        cluster.kill().await?;
        sleep(lasts).await;
        cluster.restart().await?;
    }
    Ok(())
}

/// What befalls the way to one database.
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
