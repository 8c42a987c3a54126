use std::sync::Arc;
use std::time::Duration;

use turnout_backends::DirtyKey;
use turnout_mirror::{Judge, Verdict};
use turnout_runtime::CallError;
use turnout_vocabulary::{ApplyFailure, Backend, RepositoryId, Retry, Subject, SubjectRule};

use crate::policies::Era;
use crate::subjects::normalise;
use crate::{Metrics, Policies};

/// When a key is tried again that the dual-write policy failed to say anything about.
const UNDECIDED: Duration = Duration::from_secs(1);

/// Says what is to become of dirty keys, as the policies in force have it.
pub struct PolicyJudge {
    policies: Arc<Policies>,
    rule: SubjectRule,
    metrics: Arc<Metrics>,
}

impl PolicyJudge {
    /// A judge that follows these policies.
    #[must_use]
    pub fn new(policies: Arc<Policies>, rule: SubjectRule, metrics: Arc<Metrics>) -> Self {
        Self {
            policies,
            rule,
            metrics,
        }
    }

    fn try_verdict(&self, source: Backend, repository: RepositoryId, key: &DirtyKey) -> Result<Verdict, CallError> {
        let in_force = self.policies.in_force();
        if key.epoch > in_force.epoch {
            // Another host has changed the policies, and this one has yet to hear of it.
            self.policies.look();
            return Ok(Verdict::Later);
        }
        // What a forced failover left behind on the side that was lost is older than the rows of the other.
        let lost = |era: &Era| era.forced.is_some_and(|forced| forced != source) && key.epoch < era.epoch;
        if lost(&in_force.era) || in_force.leaving.iter().any(lost) {
            return Ok(Verdict::Diverged("not mirrored before the forced failover"));
        }
        let era = in_force.era_of(key.epoch);
        let subjects = normalise(key.subjects.iter().map(Option::as_deref), &self.rule);
        let any = |says: &dyn Fn(Option<&Subject>) -> Result<bool, CallError>| {
            subjects
                .iter()
                .try_fold(false, |any, subject| Ok(any || says(subject.as_ref())?))
        };
        let (away, mirrored) = match (
            any(&|subject| Ok(era.authority(repository, subject)? != source)),
            any(&|subject| era.mirrored(repository, subject)),
        ) {
            (Ok(away), Ok(mirrored)) => (away, mirrored),
            // Its authority let it in before the policy began to fail.
            _ if key.own => return Ok(Verdict::HandOver),
            (away, mirrored) => (away?, mirrored?),
        };
        // A row that was handed to another authority must get there, mirrored or not.
        let handed_over = away && (key.own || subjects.len() > 1);
        if !handed_over && !mirrored {
            return Ok(Verdict::Forget);
        }
        // A write that carried an epoch was let in by the authority.
        if !key.own && !any(&|subject| Ok(era.authority(repository, subject)? == source))? {
            return Ok(Verdict::Diverged(
                "changed behind Turnout's back on the side that is not its authority",
            ));
        }
        Ok(if away { Verdict::HandOver } else { Verdict::Mirror })
    }
}

impl Judge for PolicyJudge {
    fn verdict(&self, source: Backend, repository: RepositoryId, key: &DirtyKey) -> Verdict {
        let verdict = self.try_verdict(source, repository, key).unwrap_or(Verdict::Later);
        if let Verdict::Diverged(_) = verdict {
            self.metrics.diverged(source, repository);
        }
        verdict
    }

    fn retry(&self, failure: &ApplyFailure) -> Retry {
        let retry = self.policies.in_force().dual_write.of(None).retry(failure);
        if let Ok(Retry::Park) = retry {
            tracing::error!(
                source = %failure.source,
                repository = failure.repository.0,
                sqlstate = failure.sqlstate,
                attempts = failure.attempt,
                "a row could not be mirrored and is parked; see `turnout mirror`"
            );
            self.metrics.parked(failure.source, failure.repository);
        }
        retry.unwrap_or(Retry::Again { after: UNDECIDED })
    }
}
