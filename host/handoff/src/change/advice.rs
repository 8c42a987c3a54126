use std::sync::Arc;

use tokio::time::Instant;
use turnout_backends::Database;
use turnout_policies::{Era, InForce, Policies, PolicySet};
use turnout_vocabulary::{Backend, PerBackend};

use crate::change::conclude::Conclusion;
use crate::installed::is_installed;
use crate::obstacle::Obstacle;
use crate::record::Record;
use crate::record::past::PastSets;

/// Changes worlds that only advise.
pub(crate) struct Advice {
    pub(crate) policies: Arc<Policies>,
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) record: Arc<Record>,
    pub(crate) past: Arc<PastSets>,
    pub(crate) conclusion: Arc<Conclusion>,
}

impl Advice {
    /// Brings a set into force that differs from the one in force in worlds that only advise. Both sets say the same of every
    /// row, so a write under either epoch is right on either side: no fence rises, nothing is drained, nobody waits and no
    /// subject is asked about. The epoch is recorded and released on `old`, which lets one host have the number; whoever finds
    /// `new` behind takes it in.
    pub(crate) async fn bring(&self, now: &InForce, set: &Arc<PolicySet>) -> Result<(), Obstacle> {
        let began = Instant::now();
        let era = Era {
            epoch: now.epoch.next(),
            set: Arc::clone(set),
            // A threshold ends no forced failover.
            forced: now.forced,
            frozen: now.frozen.clone(),
        };
        let next = InForce::steady(era, now.converged.clone());
        if self.has_record().await {
            // What is written down here is not to be followed before it is in force.
            let _allotting = self.record.allotting.write().await;
            if self.backends.old.newest_epochs().await?.newest > Some(now.epoch) {
                return Err(Obstacle::Overtaken);
            }
            self.record
                .write_down(&next.era, &next.converged, Some(&now.era), &[Backend::Old])
                .await?;
            let on_new = self
                .record
                .write_down(&next.era, &next.converged, Some(&now.era), &[Backend::New]);
            if let Err(error) = on_new.await {
                tracing::debug!(epoch = %next.epoch, %error, "backend new does not know the epoch yet");
            }
            self.record.release(next.epoch).await?;
            self.conclusion.conclude(&next);
            self.past.remember(&next.era).await;
        } else {
            self.policies.put_in_force(next);
        }
        self.policies.metrics.reloaded(began.elapsed());
        Ok(())
    }

    /// Whether epochs are recorded: where Turnout is not installed on both sides, there is no record and no fence.
    async fn has_record(&self) -> bool {
        for (_, database) in self.backends.iter() {
            if matches!(is_installed(database).await, Ok(false)) {
                return false;
            }
        }
        true
    }
}
