use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use turnout_alerts::{Alerts, Cause, Component, Kind};
use turnout_backends::Database;
use turnout_policies::{InForce, Policies};
use turnout_vocabulary::{Backend, Epoch, PerBackend};

use crate::change::abandon::Abandonment;
use crate::learn::Learner;
use crate::obstacle::Obstacle;

/// How much longer than its budget a handoff of another host may take before this one abandons it.
const GRACE: Duration = Duration::from_secs(2);

/// Handoffs that other hosts have left unfinished.
pub(crate) struct Unfinished {
    pub(crate) policies: Arc<Policies>,
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) learner: Arc<Learner>,
    pub(crate) abandonment: Arc<Abandonment>,
    pub(crate) alerts: Arc<Alerts>,
    pub(crate) turn: Arc<Mutex<()>>,
    pub(crate) budget: Duration,
}

impl Unfinished {
    /// Abandons a handoff that its host has left unfinished.
    pub(super) async fn abandon(&self) {
        let in_force = self.policies.in_force();
        if in_force.leaving.is_empty() {
            return;
        }
        // A handoff of this host holds the turn.
        let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() else {
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
        self.abandonment.abandon_soon(turn, base, failed);
    }

    /// Abandons a handoff to another description of the site that nobody finishes, so that the hosts of the description
    /// before serve again.
    pub(super) async fn abandon_other_site(&self) -> Result<(), Obstacle> {
        let now = self.policies.in_force();
        let database = &self.backends[Backend::Old];
        let mut records = database.epochs(now.epoch).await?;
        let Some(newest) = records.pop() else { return Ok(()) };
        if newest.released || newest.age < self.budget + GRACE || now.epoch == Epoch::new(0) {
            return Ok(());
        }
        // Only where the last epoch that was released is the one this host follows is it known what to go back to.
        let released = records.iter().rev().find(|record| record.released);
        if released.is_none_or(|released| released.epoch != now.epoch) {
            return Ok(());
        }
        let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() else {
            return Ok(());
        };
        let mut leaving = vec![now.era.clone()];
        for record in records.iter().filter(|record| record.epoch > now.epoch) {
            leaving.push(self.learner.era(database, record).await?);
        }
        let failed = InForce {
            era: self.learner.era(database, &newest).await?,
            leaving,
            converged: Vec::new(),
        };
        tracing::warn!(epoch = %failed.epoch, "a handoff to another description of the site was left unfinished and is abandoned");
        self.abandonment.abandon_soon(turn, (*now).clone(), failed);
        Ok(())
    }
}
