use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use turnout_backends::Error;
use turnout_compare::{Load, Options, Progress, Sample, reconcile};
use turnout_vocabulary::{ComparisonSource, Repository};

use crate::counts::What;
use crate::{ByPolicy, Comparisons};

/// How a host compares both sides beside its requests.
const OPTIONS: Options = Options {
    sample: Sample::ALL,
    load: Load::QUARTER,
    patience: Duration::from_secs(5),
};

/// How long keys that are being repaired are followed.
const PATIENCE: Duration = Duration::from_secs(30);

impl Comparisons {
    /// Compares both sides of all repositories again and again, and repairs what differs as the policy says.
    pub(crate) async fn repair(self: Arc<Self>) {
        let Some(every) = self.reconcile_every else { return };
        loop {
            sleep(every).await;
            if let Err(error) = self.repair_once().await {
                tracing::warn!(%error, "both sides can't be compared; this is tried again later");
            }
        }
    }

    /// Has people hear of the rows of a repository that the policy wants them to decide about.
    pub(crate) fn call_people(&self, repository: &Repository, policy: &ByPolicy) {
        let calls = policy.take_calls();
        if calls > 0 {
            self.listener.call(repository, calls);
        }
    }

    async fn repair_once(&self) -> Result<(), Error> {
        for repository in &*self.repositories {
            let in_force = self.policies.in_force();
            // A repository that is being compared after a change is repaired by that.
            if !in_force.leaving.is_empty() || !in_force.is_converged(repository) {
                continue;
            }
            let epoch = in_force.epoch;
            let policy = ByPolicy::of(in_force, self.rule.clone(), &self.sides, &self.repositories).await?;
            let progress = Progress::default();
            let done = reconcile(
                &self.sides,
                repository,
                (epoch, OPTIONS),
                (&policy, &policy),
                &progress,
                false,
                PATIENCE,
            );
            let done = done.await?;
            self.call_people(repository, &policy);
            self.count(repository.id, ComparisonSource::Walk, What::Equal, done.equal);
            self.count(repository.id, ComparisonSource::Walk, What::Unsettled, done.unsettled);
            self.count(repository.id, ComparisonSource::Walk, What::Diverged, done.different);
            if done.different > 0 {
                tracing::warn!(
                    repository = repository.name,
                    different = done.different,
                    repaired = done.repaired,
                    parked = done.parked.len(),
                    waiting = done.waiting,
                    "rows differed between the two sides"
                );
            }
        }
        Ok(())
    }
}
