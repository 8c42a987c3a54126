use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use turnout_policies::{Era, Files, InForce, Policies, PolicySet, Refused};

use crate::compare::proof::Proof;
use crate::gate::Gate;
use crate::obstacle::Obstacle;

/// Says what would hold up a change. It changes nothing.
pub struct Foresight {
    pub(crate) policies: Arc<Policies>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) proof: Arc<Proof>,
    /// How long operations may wait for a handoff.
    pub(crate) budget: Duration,
}

impl Foresight {
    /// Why the versions on trial could not decide for everybody, as things stand: foreign keys between repositories of which one alone
    /// is mirrored, rows that would change hands and differ, and whatever else holds up a change. `None` if nothing does, or nothing is
    /// on trial.
    pub async fn obstacle_to_promotion(&self) -> Option<String> {
        let mut files = self.policies.in_force().files.clone();
        let mut promoted = false;
        for (_, world) in files.iter_mut() {
            promoted |= end_trial(world, true);
        }
        if !promoted {
            return None;
        }
        let policies = Arc::clone(&self.policies);
        let made = tokio::task::spawn_blocking(move || policies.make(&files)).await;
        match made.map_err(|error| Refused::whole(self.policies.source.directory(), &error)) {
            Ok(Ok(set)) => self.obstacle_to(&set).await,
            Ok(Err(refused)) | Err(refused) => Some(refused.to_string()),
        }
    }

    /// Why a set could not come into force for everybody, as things stand; `None` if nothing holds it up. Nothing is changed.
    pub async fn obstacle_to(&self, set: &Arc<PolicySet>) -> Option<String> {
        let now = self.policies.in_force();
        if now.is_of(&set.files) {
            return None;
        }
        self.foresee(&now, set).await.err().map(|obstacle| obstacle.to_string())
    }

    async fn foresee(&self, now: &InForce, set: &Arc<PolicySet>) -> Result<(), Obstacle> {
        let Some(passed) = self.gate.check(now, set, None).await? else {
            return Ok(());
        };
        let next = InForce {
            era: Era {
                epoch: now.epoch.next(),
                set: Arc::clone(set),
                forced: None,
                frozen: now.frozen.clone(),
            },
            leaving: vec![now.era.clone()],
            converged: passed.converged,
        };
        let proof = timeout(self.budget, self.proof.prove(&next, &passed.unproven));
        proof.await.map_err(|_| {
            Obstacle::Because(format!(
                "to compare the rows that would change hands takes longer than {:?}, which is all that a handoff has",
                self.budget
            ))
        })?
    }
}

/// Ends what is on trial in a world: it takes the place of the stable version, or goes. False if nothing was on trial.
pub(crate) fn end_trial(world: &mut Files, promote: bool) -> bool {
    let Some(trial) = world.trial.take() else {
        return false;
    };
    if promote {
        (world.module, world.settings) = (trial.module, trial.settings);
    }
    true
}
