//! Asks a policy one question of each kind about every repository, so that one which cannot answer is refused before an
//! application meets it.

use std::time::Duration;

use turnout_runtime::{CallError, DualWritePolicy, RoutingPolicy};
use turnout_vocabulary::{
    Action, ApplyFailure, Backend, Conditions, Health, MirrorState, PerBackend, Repository, Span, Written,
};

/// What it answers about spans is kept.
pub(super) fn routing(policy: &RoutingPolicy, repositories: &[Repository]) -> Result<Box<[Span]>, CallError> {
    let healthy = Health {
        up: true,
        p95: Duration::ZERO,
    };
    let conditions = Conditions {
        backends: PerBackend::from_fn(|_| healthy),
        mirror_lag: None,
    };
    let answers = repositories.iter().map(|repository| {
        policy.admit(Action::Find, repository.id, None)?;
        policy.read(Action::Find, repository.id, None, &conditions)?;
        policy.authority(repository.id, None)?;
        policy.mirrored(repository.id, None)?;
        policy.span(repository.id)
    });
    answers.collect()
}

pub(super) fn dual_write(policy: &DualWritePolicy, repositories: &[Repository]) -> Result<(), CallError> {
    repositories.iter().try_for_each(|repository| {
        policy.mirror(Action::Insert, repository.id, None, Backend::Old)?;
        policy.retry(&ApplyFailure {
            repository: repository.id,
            source: Backend::Old,
            sqlstate: "23503".into(),
            attempt: 1,
            age: Duration::ZERO,
        })?;
        policy.settle(&Written {
            action: Action::Insert,
            repository: repository.id,
            authority: Backend::Old,
            took: Duration::from_millis(1),
            mirror: MirrorState::Done,
            mirror_took: Some(Duration::from_millis(1)),
        })?;
        Ok(())
    })
}
