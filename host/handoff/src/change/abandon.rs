use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::sleep;
use turnout_backends::Database;
use turnout_policies::{Era, InForce, Policies};
use turnout_supervisor::{Need, Supervisor};
use turnout_vocabulary::PerBackend;

use crate::change::conclude::Conclusion;
use crate::obstacle::Obstacle;
use crate::record::Record;

/// How long a side rests before a step is tried again that failed there.
const PAUSE: Duration = Duration::from_millis(50);

/// Gives handoffs up.
pub(crate) struct Abandonment {
    pub(crate) policies: Arc<Policies>,
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) record: Arc<Record>,
    pub(crate) conclusion: Arc<Conclusion>,
    pub(crate) supervisor: Supervisor,
}

impl Abandonment {
    /// Abandons a handoff in the background, as soon as `old` can be asked. Keeps the turn until then.
    pub(crate) fn abandon_soon(self: &Arc<Self>, turn: OwnedMutexGuard<()>, base: InForce, failed: InForce) {
        let abandonment = Arc::clone(self);
        let work = move || {
            let _turn = &turn;
            let (abandonment, base, failed) = (Arc::clone(&abandonment), base.clone(), failed.clone());
            async move { abandonment.abandon_in_time(&base, &failed).await }
        };
        self.supervisor.run("abandonment", Need::Optional, work).detach();
    }

    /// Abandons a handoff as soon as `old` can be asked. Whoever calls holds the turn.
    pub(crate) async fn abandon_in_time(&self, base: &InForce, failed: &InForce) {
        // A forced failover may come between.
        while self.policies.in_force().epoch <= failed.epoch {
            match self.abandon(base, failed).await {
                Ok(true) => return,
                Ok(false) => {
                    // It is released, or another host was quicker. What is in force is found by the next look.
                    self.policies.look();
                    return;
                }
                Err(error) => tracing::debug!(epoch = %failed.epoch, %error, "the abandonment waits"),
            }
            sleep(PAUSE).await;
        }
    }

    /// Puts the set of `base` in force again, under the number after the handoff that failed. No write of that handoff was let
    /// in where its authority differs, so all operations go on at once: nothing is drained and no open transaction is waited for.
    /// False if `old` has released the handoff, or has another epoch of that number.
    pub(crate) async fn abandon(&self, base: &InForce, failed: &InForce) -> Result<bool, Obstacle> {
        let era = Era {
            epoch: failed.epoch.next(),
            ..base.era.clone()
        };
        if !self.record.write_abandonment(&era, &base.converged).await? {
            return Ok(false);
        }
        let epoch = era.epoch;
        self.conclusion.conclude(&InForce::steady(era, base.converged.clone()));
        if let Err(error) = self.backends.old.raise_fence(epoch).await {
            tracing::debug!(%epoch, %error, "the fence of backend old is raised by the next handoff");
        }
        // The other side takes part as one that was away does.
        self.policies.look();
        Ok(true)
    }
}
