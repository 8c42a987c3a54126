//! Makes happen what the schedule says, and makes it good again. Each lane ends with everything as it should be.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep, sleep_until};
use turnout_cluster::Cluster;

use super::calm;
use super::schedule::{Event, Shock};
use super::stages::Stages;
use super::world::World;
use crate::{Proxy, Traffic};

/// How long a change of stages may take to be in force on all hosts: some of them are dead or frozen for a while.
const SETTLING: Duration = Duration::from_secs(15);

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

/// What befalls the policies in a directory.
pub(crate) async fn policies(
    world: &World,
    directory: &Path,
    mut stages: Stages,
    began: Instant,
    events: Vec<Event>,
) -> Result<()> {
    for (Event { at, shock, .. }, revision) in events.into_iter().zip(1..) {
        sleep_until(began + at).await;
        if let Shock::Move(other) = shock {
            stages = other;
            let mut settled = world.settled.write().await;
            *settled = None;
            let settings = stages.settings(revision);
            put(directory, &settings)?;
            if in_force(world, &settings).await {
                *settled = Some(stages);
            }
        } else {
            put(directory, &stages.settings(revision))?;
        }
    }
    Ok(())
}

/// Puts settings in the place of others, as an editor does: a new file renamed over the old one.
pub(crate) fn put(directory: &Path, settings: &str) -> Result<()> {
    let draft = directory.with_extension("draft");
    std::fs::write(&draft, settings)
        .and_then(|()| std::fs::rename(&draft, directory.join("routing.toml")))
        .context("the settings of the routing policy can't be written")
}

/// Waits until all hosts follow these settings, or for as long as it may take.
async fn in_force(world: &World, settings: &str) -> bool {
    let digest = hex::encode(Sha256::digest(settings));
    calm::within(SETTLING, async || {
        for place in 0..world.hosts.count() {
            let status = calm::status(world, place).await?;
            let follows = status["routing"]["settings"] == digest.as_str();
            // Until the handoff is over, it may be abandoned.
            let is_over = status["leaving"].as_array().is_some_and(Vec::is_empty);
            (follows && is_over).then_some(())?;
        }
        Some(())
    })
    .await
    .is_some()
}
