use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use turnout_alerts::{Cause, Component, Kind};
use turnout_backends::{Database, EpochRecord, Error as BackendError, NewestEpochs};
use turnout_policies::{Era, InForce};
use turnout_vocabulary::{Backend, Epoch};

use crate::change::GRACE;
use crate::{Handoffs, NotBegun, Obstacle, record};

/// How often is looked for newer epochs: what other hosts wait for at a handoff of one of them.
const LOOK: Duration = Duration::from_millis(50);

/// How often is looked whether a side is back or has been installed.
const CHECK: Duration = Duration::from_secs(1);

impl Handoffs {
    /// Puts in force what the databases say is; where they know of nothing, the set of the directory, by a first handoff.
    ///
    /// # Errors
    /// [`NotBegun`] if the set of the directory is refused, or the record describes another site.
    pub async fn begin(self: &Arc<Self>) -> Result<(), NotBegun> {
        match self.learn().await {
            Ok(()) => {}
            Err(Obstacle::OtherSite(reason)) => return Err(NotBegun::OtherSite(reason)),
            Err(error) => {
                tracing::warn!(%error, "what is in force can't be known yet; nothing is written until it is");
                return Ok(());
            }
        }
        let in_force = self.policies.in_force();
        if in_force.epoch > Epoch::new(0) {
            self.set_old_directory_aside().await;
            self.converge_soon();
            return Ok(());
        }
        match self.bring(Arc::clone(&in_force.set), None).await {
            // The side that is there is served meanwhile: it accepts what no epoch was recorded for yet.
            Err(Obstacle::Backend(error)) => tracing::warn!(%error, "the first policies wait for both sides"),
            brought => brought.map_err(|obstacle| self.policies.refuse(&obstacle))?,
        }
        Ok(())
    }

    /// Follows what other hosts do, for as long as the host lives: looks at the newest epochs often, which is one statement a
    /// side, and at what else may have changed now and then, or when something of this host has.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut checked = None;
        loop {
            let is_asked = tokio::select! {
                () = self.policies.asked() => true,
                () = sleep(LOOK) => false,
            };
            let is_due = is_asked || checked.is_none_or(|checked: Instant| checked.elapsed() >= CHECK);
            match self.learn().await {
                Ok(()) => self.finish_for_others().await,
                Err(Obstacle::OtherSite(_)) => {
                    if let Err(error) = self.finish_other_site().await {
                        tracing::debug!(%error, "a handoff to another description of the site can't be finished");
                    }
                }
                Err(error) if is_due => tracing::debug!(%error, "newer epochs can't be looked for"),
                Err(_) => {}
            }
            if is_due {
                self.check().await;
                checked = Some(Instant::now());
            }
        }
    }

    /// Takes in a side that was away or not installed, and records what is in force where no record is.
    async fn check(self: &Arc<Self>) {
        self.refresh_installed().await;
        if let Err(error) = self.rejoin(&self.policies.in_force()).await {
            tracing::debug!(%error, "a side can't be asked whether it was away");
        }
        if !self.is_recorded().await {
            let in_force = self.policies.in_force();
            match self.bring(Arc::clone(&in_force.set), Some(in_force.epoch)).await {
                Ok(()) | Err(Obstacle::Overtaken) => {}
                Err(obstacle) => {
                    self.policies.refuse(&obstacle);
                }
            }
        }
    }

    /// Notices an installation that was made while the host ran.
    async fn refresh_installed(&self) {
        for (backend, database) in self.backends.iter() {
            if !matches!(self.is_installed(backend).await, Ok(true)) {
                let _ = database.refresh_schema().await;
            }
        }
    }

    /// Follows the newest epoch that the databases know of, released or not. One side is enough: an epoch that only the
    /// other knows is not released, and what it refuses is refused by its fence. What this host is about to put in force itself is
    /// left to it.
    pub(crate) async fn learn(&self) -> Result<(), Obstacle> {
        let mut reached = None;
        let mut failed = None;
        let (old, new) = tokio::join!(self.newest_on(Backend::Old), self.newest_on(Backend::New));
        for (known, on_old) in [(old, true), (new, false)] {
            match known {
                Ok(Some(known)) => reached = reached.max(Some((known.newest, known.released, on_old))),
                Ok(None) => {}
                Err(error) => failed = Some(error),
            }
        }
        let Some((Some(newest), released, on_old)) = reached else {
            return failed.map_or(Ok(()), |error| Err(error.into()));
        };
        let now = self.policies.in_force();
        if newest == now.epoch.next() && self.allotting.try_read().is_err() {
            // This host is writing it down, or finds now that another was quicker.
            return Ok(());
        }
        if newest > now.epoch {
            let database = if on_old { &self.backends.old } else { &self.backends.new };
            self.catch_up(database, &now, released).await?;
        } else if newest == now.epoch && released == Some(newest) && !now.leaving.is_empty() {
            self.policies
                .put_in_force(InForce::steady(now.era.clone(), now.converged.clone()));
        }
        Ok(())
    }

    /// The newest epochs that a side knows of; `None` where Turnout is not installed.
    async fn newest_on(&self, backend: Backend) -> Result<Option<NewestEpochs>, BackendError> {
        if !self.is_installed(backend).await? {
            return Ok(None);
        }
        self.backends[backend].newest_epochs().await.map(Some)
    }

    /// Loads the epochs that this host has missed, from the last that was released.
    async fn catch_up(&self, database: &Database, now: &InForce, released: Option<Epoch>) -> Result<(), Obstacle> {
        let since = released.unwrap_or(Epoch::new(0));
        let mut records = database.epochs(since).await?;
        self.belongs(&records).await?;
        let Some(newest) = records.pop() else { return Ok(()) };
        let mut leaving = Vec::new();
        if !newest.released {
            for record in &records {
                leaving.push(self.era(database, record).await?);
            }
            if leaving.is_empty() {
                // The first epoch of all: before it everything was on `old`, as whatever this host has says or not.
                leaving.push(now.era.clone());
            }
        }
        let era = self.era(database, &newest).await?;
        self.policies.put_in_force(InForce {
            era,
            leaving,
            converged: newest.converged,
        });
        Ok(())
    }

    /// The policies of an epoch. What is in force already is not made again.
    pub(crate) async fn era(&self, database: &Database, written: &EpochRecord) -> Result<Era, Obstacle> {
        let files = record::files(self.policies.source.built_in(), database, written).await?;
        let policies = Arc::clone(&self.policies);
        let made = tokio::task::spawn_blocking(move || policies.make(&files)).await;
        let set = made
            .map_err(|error| Obstacle::Because(error.to_string()))?
            .map_err(|refused| Obstacle::Because(refused.to_string()))?;
        Ok(Era {
            epoch: written.epoch,
            set,
            forced: written.forced,
        })
    }

    /// Abandons a handoff that its host has left unfinished.
    async fn finish_for_others(self: &Arc<Self>) {
        let in_force = self.policies.in_force();
        if in_force.leaving.is_empty() {
            return;
        }
        // A handoff of this host holds the turn.
        let Ok(turn) = Arc::clone(&self.one).try_lock_owned() else {
            return;
        };
        let failed = (*in_force).clone();
        let Some(base) = failed.leaving.first().cloned() else {
            return;
        };
        let mut since = None;
        let mut converged = Vec::new();
        for (_, database) in self.backends.iter() {
            for record in database.epochs(base.epoch).await.unwrap_or_default() {
                if record.epoch == failed.epoch {
                    since = since.max(Some(record.age));
                } else if record.epoch == base.epoch {
                    converged = record.converged;
                }
            }
        }
        if since.is_none_or(|age| age < self.budget + GRACE) {
            return;
        }
        let reason = format!(
            "the handoff to epoch {} was left unfinished by its host and is abandoned; make the change again",
            failed.epoch
        );
        let cause = Cause::new(Kind::Handoff, Component::Handoff);
        self.alerts.raise(cause.warns(reason).under(failed.epoch));
        let base = InForce::steady(base, converged);
        self.abandon_soon(turn, base, failed);
    }
}
