//! Carries out the scheduled faults of hosts, databases and networks, and repairs them. When a lane ends, everything of it works again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Result;
use nix::sys::signal::Signal;
use serde::Deserialize as _;
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

/// How long the person who says which side's rows count rests between two looks at the hosts.
const LOOKS: Duration = Duration::from_millis(500);

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

/// Restores a side that has no authority from a backup, and waits until a person has said that the other side's rows count.
async fn restore(world: &World, cluster: &mut Cluster, backend: Backend, lasts: Duration) -> Result<()> {
    let whole = world.whole.write().await;
    let backup = cluster.back_up().await?;
    sleep(lasts).await;
    let standing = world.standing(Duration::ZERO).await;
    let Some(_standing) = standing.filter(|stages| stages.authority() == Some(backend.other())) else {
        return Ok(());
    };
    let before = world.rejoined.load(Ordering::Relaxed);
    cluster.restore(backup).await?;
    drop(whole);
    // If nothing was mirrored meanwhile, nothing was lost, and the hosts need not notice.
    let is_rejoined = async || (world.rejoined.load(Ordering::Relaxed) > before).then_some(());
    calm::within(NOTICE, is_rejoined).await;
    Ok(())
}

/// The person who looks at the hosts all the time, and says of a side that was restored that the other side's rows count: only sides
/// without authority are restored.
pub(crate) async fn rejoin_restored(world: Arc<World>) {
    loop {
        for place in 0..world.hosts.count() {
            let status = calm::status(&world, place).await.unwrap_or_default();
            if let Ok(restored) = Backend::deserialize(&status["restored"]["backend"]) {
                let kept = json!({ "side": restored.other().as_str() });
                // Another host may have been told already.
                if world.administer_once(place, "/v1/rejoin", &kept).await.is_some() {
                    world.rejoined.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        sleep(LOOKS).await;
    }
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
