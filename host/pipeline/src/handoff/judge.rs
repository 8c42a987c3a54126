use std::sync::Arc;
use std::time::Duration;

use turnout_backends::DirtyKey;
use turnout_mirror::{Judge, Verdict};
use turnout_runtime::CallError;
use turnout_vocabulary::{ApplyFailure, Backend, RepositoryId, Retry, SubjectRule};

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
        let subjects: Vec<_> = subjects.iter().map(Option::as_ref).collect();
        let decided: Result<Vec<_>, _> = subjects
            .iter()
            .map(|subject| era.decision(repository, *subject))
            .collect();
        let decided = match (decided, &subjects[..]) {
            (Ok(decided), _) => decided,
            // Nobody knows its authority, but whether it is mirrored may be known.
            (Err(_), [subject]) if matches!(era.mirrored(repository, *subject), Ok(false)) => {
                return Ok(Verdict::Forget);
            }
            // Its authority let it in before the policy began to fail.
            (Err(_), [_]) if key.own => return Ok(Verdict::HandOver),
            (Err(error), _) => return Err(error),
        };
        let away = decided.iter().any(|(authority, _)| *authority != source);
        let here = decided.iter().any(|(authority, _)| *authority == source);
        // A row that was handed to another authority must get there, mirrored or not.
        let handed_over = away && decided.len() > 1;
        if !handed_over && !decided.iter().any(|(_, mirrored)| *mirrored) {
            return Ok(Verdict::Forget);
        }
        // A write that carried an epoch was let in by the authority.
        if !key.own && !here {
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
