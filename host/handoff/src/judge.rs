//! Tells the mirror what is to become of dirty keys; `verdict` has the rule.

mod verdict;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use turnout_backends::DirtyKey;
use turnout_mirror::{Judge, Unsaid, Verdict};
use turnout_policies::{Era, InForce, Policies};
use turnout_vocabulary::{ApplyFailure, Backend, Epoch, RepositoryId, Retry, Subject, SubjectRule};

use crate::judge::verdict::Said;
use crate::metrics::MirrorMetrics;

/// When a key is tried again that the dual-write policy failed to say anything about.
const UNDECIDED: Duration = Duration::from_secs(1);

/// Says what is to become of dirty keys, as the policies in force have it.
pub struct PolicyJudge {
    policies: Arc<Policies>,
    rule: SubjectRule,
    metrics: Arc<MirrorMetrics>,
}

impl PolicyJudge {
    /// A judge that follows these policies.
    #[must_use]
    pub fn new(policies: Arc<Policies>, rule: SubjectRule, metrics: Arc<MirrorMetrics>) -> Self {
        Self {
            policies,
            rule,
            metrics,
        }
    }

    fn judge(&self, source: Backend, repository: RepositoryId, key: &DirtyKey) -> Verdict {
        let in_force = self.policies.in_force();
        if key.epoch > in_force.epoch {
            // Another host has changed the policies, and this one has yet to hear of it.
            self.policies.look();
            return Verdict::Later;
        }
        // What a forced failover left behind on the side that was lost is older than the rows of the other.
        let lost = |era: &Era| era.forced.is_some_and(|forced| forced != source) && key.epoch < era.epoch;
        if lost(&in_force.era) || in_force.leaving.iter().any(lost) {
            return Verdict::Diverged("not mirrored before the forced failover");
        }
        let era = in_force.era_of(key.epoch);
        let subjects = self.rule.subjects_in(key.subjects.iter().map(Option::as_deref));
        if !key.own && key.epoch == in_force.epoch && is_moving(&in_force, repository, &subjects) {
            // Whether this side is the authority depends on whether the handoff is released or abandoned.
            return Verdict::Later;
        }
        let said: Vec<_> = subjects
            .iter()
            .map(|subject| say(era, repository, subject.as_ref()))
            .collect();
        verdict::of(source, key.own, &said)
    }
}

/// Whether the authority of one of these subjects' rows changes in a handoff that is under way.
fn is_moving(in_force: &InForce, repository: RepositoryId, subjects: &HashSet<Option<Subject>>) -> bool {
    !in_force.leaving.is_empty()
        && subjects
            .iter()
            .any(|subject| !matches!(in_force.agreed_authority(repository, subject.as_ref()), Ok(Some(_))))
}

/// What an era says of a subject's rows. One question is enough as a rule.
fn say(era: &Era, repository: RepositoryId, subject: Option<&Subject>) -> Said {
    match era.decision(repository, subject) {
        Ok((authority, mirrored)) => Said {
            authority: Some(authority),
            mirrored: Some(mirrored),
        },
        Err(_) => Said {
            authority: era.authority(repository, subject).ok(),
            mirrored: era.mirrored(repository, subject).ok(),
        },
    }
}

impl Judge for PolicyJudge {
    fn verdict(&self, source: Backend, repository: RepositoryId, key: &DirtyKey) -> Verdict {
        let verdict = self.judge(source, repository, key);
        if let Verdict::Diverged(_) = verdict {
            self.metrics.diverged(source, repository);
        }
        verdict
    }

    fn is_authority(&self, source: Backend, repository: RepositoryId, key: &DirtyKey, subject: Option<&str>) -> bool {
        let in_force = self.policies.in_force();
        let subject = self.rule.subject_in(subject);
        let authority = in_force.era_of(key.epoch).authority(repository, subject.as_ref());
        authority.is_ok_and(|authority| authority == source)
    }

    fn keeper(&self, repository: RepositoryId, epoch: Epoch, subject: Option<&str>) -> Result<Option<Backend>, Unsaid> {
        let in_force = self.policies.in_force();
        if epoch > in_force.epoch {
            // Another host has changed the policies, and this one has yet to hear of it.
            self.policies.look();
            return Err(Unsaid);
        }
        let said = say(
            in_force.era_of(epoch),
            repository,
            self.rule.subject_in(subject).as_ref(),
        );
        let (authority, mirrored) = said.authority.zip(said.mirrored).ok_or(Unsaid)?;
        Ok(mirrored.then_some(authority))
    }

    fn stands_aside(&self) -> bool {
        self.policies.why_aside().is_some()
    }

    fn retry(&self, failure: &ApplyFailure) -> Retry {
        let retry = self.policies.in_force().dual_write.of(None).retry(failure);
        retry.unwrap_or(Retry::Again { after: UNDECIDED })
    }

    fn parked(&self, failure: &ApplyFailure) {
        tracing::error!(
            source = %failure.source,
            repository = failure.repository.0,
            sqlstate = failure.sqlstate,
            attempts = failure.attempt,
            "a row could not be mirrored and is parked; see `turnout mirror`"
        );
        self.metrics.parked(failure.source, failure.repository);
    }
}
