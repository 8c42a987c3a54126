use std::sync::Arc;

use turnout_policies::{Era, Freeze, InForce, Policies, PolicySet};
use turnout_vocabulary::Backend;

use crate::obstacle::Obstacle;
use crate::record::Record;

/// Gives epochs their numbers.
pub(crate) struct Allotment {
    pub(crate) policies: Arc<Policies>,
    pub(crate) record: Arc<Record>,
}

impl Allotment {
    /// Writes the next epoch down on both sides, `old` first: there only one host gets the number.
    pub(crate) async fn allot(
        &self,
        now: &InForce,
        set: &Arc<PolicySet>,
        frozen: Option<Arc<Freeze>>,
        converged: &[String],
    ) -> Result<InForce, Obstacle> {
        // An epoch that this host has not heard of may have moved what it takes for settled.
        if self.record.newest().await?.is_some_and(|newest| newest > now.epoch) {
            return Err(Obstacle::Overtaken);
        }
        let era = Era {
            epoch: now.epoch.next(),
            set: Arc::clone(set),
            forced: None,
            frozen,
        };
        let allotting = self.record.allotting.write().await;
        let written = self
            .record
            .write_down(&era, converged, Some(&now.era), &Backend::ALL)
            .await;
        drop(allotting);
        if written.is_err() {
            // One side may have it, and what it called was not listened to.
            self.policies.look();
        }
        written?;
        Ok(InForce {
            era,
            leaving: vec![now.era.clone()],
            converged: converged.to_vec(),
        })
    }
}
