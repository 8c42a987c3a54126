//! What stands on both sides of epochs.
//!
//! - `format` writes a policy set as the databases keep it, and reads it.
//! - `past` tells a policy directory that is old from one that holds a change.
//! - `recorded` reads what the last epoch holds, before a host has any policies.

pub(crate) mod format;
pub(crate) mod past;
pub(crate) mod recorded;

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::RwLock;
use turnout_backends::{Database, Error as BackendError, KeptSets, NewestEpochs};
use turnout_policies::Era;
use turnout_vocabulary::{Backend, Epoch, PerBackend};

use crate::installed::is_installed;
use crate::obstacle::Obstacle;
use crate::site::SiteDescription;

/// The record of epochs, as this host reads it and adds to it.
pub(crate) struct Record {
    pub(crate) backends: Arc<PerBackend<Database>>,
    /// How much of the past stays on record.
    pub(crate) kept: KeptSets,
    /// What this host records as the description of the site, and expects of every epoch.
    pub(crate) site: ArcSwap<SiteDescription>,
    /// Held for writing while this host writes down the epoch of a change that it begins.
    pub(crate) allotting: RwLock<()>,
}

impl Record {
    /// The newest epoch that either side knows of.
    pub(crate) async fn newest(&self) -> Result<Option<Epoch>, BackendError> {
        let (old, new) = tokio::try_join!(self.backends.old.newest_epochs(), self.backends.new.newest_epochs())?;
        Ok(old.newest.max(new.newest))
    }

    /// The newest epochs that a side knows of; `None` where Turnout is not installed.
    pub(crate) async fn newest_on(&self, backend: Backend) -> Result<Option<NewestEpochs>, BackendError> {
        let database = &self.backends[backend];
        if !is_installed(database).await? {
            return Ok(None);
        }
        database.newest_epochs().await.map(Some)
    }

    /// Whether there is a record of what is in force, or none can be had before Turnout is installed.
    pub(crate) async fn is_there(&self) -> bool {
        for (_, database) in self.backends.iter() {
            if !matches!(is_installed(database).await, Ok(true)) {
                return true;
            }
        }
        !matches!(self.newest().await, Ok(None))
    }

    /// Writes an epoch down on some sides, with the modules that those of the `known` era lack.
    pub(crate) async fn write_down(
        &self,
        era: &Era,
        converged: &[String],
        known: Option<&Era>,
        on: &[Backend],
    ) -> Result<(), Obstacle> {
        let record = format::epoch(era, converged, &self.site.load());
        let modules = format::modules(&era.set, known);
        for backend in on {
            if !self.backends[*backend]
                .record_epoch(&record, &modules, self.kept)
                .await?
            {
                return Err(Obstacle::Overtaken);
            }
        }
        Ok(())
    }

    /// Writes down on `old` that the epoch before this one is abandoned. False if that is released, or is another one there.
    pub(crate) async fn write_abandonment(&self, era: &Era, converged: &[String]) -> Result<bool, BackendError> {
        let record = format::epoch(era, converged, &self.site.load());
        self.backends.old.record_abandonment(&record, self.kept).await
    }

    /// Releases an epoch. `old` decides whether it still can be released; the other side only notes it, now or when it is taken
    /// in again.
    pub(crate) async fn release(&self, epoch: Epoch) -> Result<(), Obstacle> {
        if !self.backends.old.release_epoch(epoch).await? {
            return Err(Obstacle::Because(format!(
                "the handoff to epoch {epoch} was abandoned by another host, as it took too long; make the change again"
            )));
        }
        if let Err(error) = self.backends.new.note_released(epoch).await {
            tracing::debug!(%epoch, %error, "backend new does not know yet that the epoch is released");
        }
        Ok(())
    }
}
