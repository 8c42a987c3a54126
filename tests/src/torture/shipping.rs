//! Carries out the events of the policies: other settings, other modules, rollbacks, and modules that trap.

mod agreement;
mod ways;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::Client;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep_until};

use super::calm;
use super::modules::{another, trapping_dual_write, trapping_routing};
use super::part::{Part, Way};
use super::schedule::{Event, Shock};
use super::stages::Stages;
use super::world::World;

/// How long a change may take until it is in force on all hosts. Some hosts are dead or frozen for a while.
const SETTLING: Duration = Duration::from_secs(15);

/// How long to wait for a change before it is made again.
const AGAIN: Duration = Duration::from_secs(2);

/// How long hosts may take until no module that traps is in force, whatever else happens.
const RELIEF: Duration = Duration::from_mins(1);

/// How long a host may take to answer a request that ships policies.
const PATIENCE: Duration = Duration::from_mins(1);

/// The outcome of a change that not all hosts follow within that time.
const LATE: &str = "not in force in time";

/// The person who ships policies.
pub(crate) struct Shipping<'w> {
    world: &'w World,
    directory: PathBuf,
    /// The stages that the cohorts should be in.
    stages: Stages,
    /// The stages by the SHA-256 of routing settings that were shipped.
    known: HashMap<String, Stages>,
    /// The SHA-256 of modules that trap.
    trapping: HashSet<String>,
    client: Client,
}

impl<'w> Shipping<'w> {
    /// `directory` holds policies with these stages.
    pub(crate) fn new(world: &'w World, directory: PathBuf, stages: Stages) -> Result<Self> {
        Ok(Self {
            world,
            directory,
            stages,
            known: HashMap::from([(sha256(stages.settings(0)), stages)]),
            trapping: HashSet::new(),
            client: Client::builder().timeout(PATIENCE).build()?,
        })
    }

    /// Carries out the scheduled changes. In the end no module that traps is in force. Returns what each change came to.
    pub(crate) async fn follow(mut self, began: Instant, events: Vec<Event>) -> Result<Vec<String>> {
        let original = |part: Part| {
            let file = self.directory.join(part.file());
            std::fs::read(&file).with_context(|| format!("{} can't be read", file.display()))
        };
        let (routing, dual_write) = (original(Part::Routing)?, original(Part::DualWrite)?);
        let good = |part| match part {
            Part::Routing => &routing,
            Part::DualWrite => &dual_write,
        };
        let mut came = Vec::new();
        for (Event { at, shock, .. }, revision) in events.into_iter().zip(1..) {
            sleep_until(began + at).await;
            let from = began.elapsed();
            let outcome = match shock {
                Shock::Move(stages) => self.settings(stages, revision, true).await?,
                Shock::Touch => self.settings(self.stages, revision, false).await?,
                Shock::Swap(part, way) => self.swap(part, way, another(good(part), revision)).await?,
                Shock::RollBack(place) => self.roll_back(place).await,
                Shock::Trap(part, way) => {
                    let trapping = match part {
                        Part::Routing => trapping_routing(good(part))?,
                        Part::DualWrite => trapping_dual_write(good(part))?,
                    };
                    self.trap(part, way, another(&trapping, revision), another(good(part), revision))
                        .await?
                }
                _ => continue,
            };
            came.push(format!("{from:.3?} to {:.3?}: {shock:?}: {outcome}", began.elapsed()));
        }
        Ok(came)
    }

    /// Ships other settings by the directory. Settings that move no cohort leave a known authority as it is.
    async fn settings(&mut self, stages: Stages, revision: u32, moves: bool) -> Result<String> {
        let settings = stages.settings(revision);
        let digest = sha256(&settings);
        self.stages = stages;
        self.known.insert(digest.clone(), stages);
        if moves {
            self.unsettle().await;
        }
        let is_there = |status: &Json| status["routing"]["settings"] == *digest;
        self.ship("routing.toml", settings.as_bytes(), is_there).await
    }

    /// Ships another module that decides the same, with the settings in force.
    async fn swap(&mut self, part: Part, way: Way, module: Vec<u8>) -> Result<String> {
        let (file, key, digest) = (part.file(), part.key(), sha256(&module));
        let before = *self.world.settled.read().await;
        let is_there = |status: &Json| status[key]["module"] == *digest;
        let came = match way {
            Way::Directory => self.ship(file, &module, is_there).await?,
            Way::Api(place) => {
                self.unsettle().await;
                match self.push(place, part, module).await {
                    Ok(_) => came(self.settle(SETTLING, is_there).await),
                    Err(refusal) => {
                        self.settle(SETTLING, |_| true).await;
                        refusal
                    }
                }
            }
        };
        let after = *self.world.settled.read().await;
        if let (Some(before), Some(after)) = (before, after)
            && before != after
        {
            let surprise = format!("a module of {part:?} was shipped, and cohorts moved from {before:?} to {after:?}");
            self.world.surprised_by(surprise);
        }
        Ok(came)
    }

    /// Rolls back by the host of a place. The version that this brings back may be a module that traps.
    async fn roll_back(&mut self, place: usize) -> String {
        self.unsettle().await;
        match self.ask(self.client.post(self.url(place, "rollback"))).await {
            Ok(epoch) => {
                let is_there = |status: &Json| status["epoch"].as_u64() >= Some(epoch);
                came(self.settle(RELIEF, is_there).await)
            }
            Err(refusal) => refusal,
        }
    }

    /// Ships a module that traps. If the hosts refuse the module, it is taken out of the directory; if not, they must take it back
    /// themselves.
    async fn trap(&mut self, part: Part, way: Way, trapping: Vec<u8>, good: Vec<u8>) -> Result<String> {
        let (file, digest) = (part.file(), sha256(&trapping));
        self.trapping.insert(digest.clone());
        self.unsettle().await;
        let came = match way {
            Way::Directory => {
                let before = calm::within(RELIEF, || self.newest_epoch()).await;
                let before = before.context("no host says its epoch")?;
                self.put(file, &trapping)?;
                let came = calm::within(2 * AGAIN, || self.has_come(part.key(), &digest, before)).await;
                came.ok_or_else(|| LATE.to_owned())
            }
            Way::Api(place) => self.push(place, part, trapping).await.map(drop),
        };
        if came.is_err() {
            self.put(file, &good)?;
        }
        let is_gone = self.settle(RELIEF, |_| true).await;
        if self.kept(file) == Some(digest) {
            // The module was refused, and its file stayed in the directory.
            self.put(file, &good)?;
        }
        if !is_gone {
            let surprise = format!("a module of {part:?} that traps is not taken back within {RELIEF:?}");
            self.world.surprised_by(surprise);
        }
        Ok(came.map_or_else(|refusal| refusal, |()| "in force, and taken back".to_owned()))
    }
}

/// The outcome of a change, in words.
fn came(in_force: bool) -> String {
    if in_force { "in force" } else { LATE }.to_owned()
}

fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes))
}
