//! Finds out what all hosts agree on, and so which stages are in force.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value as Json;

use super::Shipping;
use crate::torture::calm;
use crate::torture::stages::Stages;

impl Shipping<'_> {
    /// Forgets the stages: from now on nobody knows which side has which authority.
    pub(super) async fn unsettle(&self) {
        *self.world.settled.write().await = None;
    }

    /// Waits, for at most `limit`, until all hosts agree and their status is as `wished`. Then notes the stages in force.
    pub(super) async fn settle(&mut self, limit: Duration, wished: impl Fn(&Json) -> bool) -> bool {
        let agreed = calm::within(limit, || self.agreed(&wished)).await;
        if let Some(stages) = agreed {
            self.stages = stages;
            *self.world.settled.write().await = Some(stages);
        }
        agreed.is_some()
    }

    /// The stages in force, if all hosts follow the same epoch, no handoff is under way, no module in force traps, and the directory holds
    /// the same settings.
    pub(super) async fn agreed(&self, wished: &impl Fn(&Json) -> bool) -> Option<Stages> {
        let mut epochs = HashSet::new();
        let mut settings = String::new();
        for place in 0..self.world.hosts.count() {
            let status = calm::status(self.world, place).await?;
            // While the handoff goes on, it may be abandoned.
            let is_over = status["leaving"].as_array().is_some_and(Vec::is_empty);
            let traps = |key: &str| {
                status[key]["module"]
                    .as_str()
                    .is_none_or(|module| self.trapping.contains(module))
            };
            (is_over && wished(&status) && !traps("routing") && !traps("dual_write")).then_some(())?;
            epochs.insert(status["epoch"].as_u64()?);
            status["routing"]["settings"].as_str()?.clone_into(&mut settings);
        }
        (epochs.len() == 1 && self.kept("routing.toml")? == settings).then_some(())?;
        self.known.get(&settings).copied()
    }

    /// Whether a module that traps is in force on any host, or was: a newer epoch then took it back.
    pub(super) async fn has_come(&self, key: &str, digest: &str, before: u64) -> Option<()> {
        for place in 0..self.world.hosts.count() {
            if let Some(status) = calm::status(self.world, place).await
                && (status[key]["module"] == digest || status["epoch"].as_u64() >= Some(before + 2))
            {
                return Some(());
            }
        }
        None
    }

    /// The newest epoch that a host follows. `None` unless every host tells its epoch.
    pub(super) async fn newest_epoch(&self) -> Option<u64> {
        let mut newest = 0;
        for place in 0..self.world.hosts.count() {
            newest = newest.max(calm::status(self.world, place).await?["epoch"].as_u64()?);
        }
        Some(newest)
    }
}
