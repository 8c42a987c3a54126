//! Asks a policy one question of each kind about every repository, so that one which cannot answer is refused before an
//! application meets it.

use std::time::Duration;

use turnout_runtime::{CallError, ConfigureError, DualWritePolicy, RoutingPolicy};
use turnout_vocabulary::{
    Action, ApplyFailure, Backend, Conditions, MirrorState, Repository, Span, SubjectRule, Written,
};

/// Why a policy does not pass.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error(transparent)]
    Failed(#[from] CallError),
    #[error(transparent)]
    Configure(#[from] ConfigureError),
    #[error(
        "`{function}` answers the same question about repository {repository} differently, asked again or of another instance: \
         it must depend on its argument and the settings alone"
    )]
    Impure { function: &'static str, repository: String },
}

/// How many made-up subjects a routing policy is asked about in each repository.
const SUBJECTS: u32 = 8;

/// What it answers about spans is kept. What has to be pure is asked of two instances, and of the first again.
pub(super) fn routing(
    policy: &RoutingPolicy,
    repositories: &[Repository],
    rule: &SubjectRule,
) -> Result<Box<[Span]>, Unfit> {
    let conditions = Conditions::healthy(None);
    let twin = policy.twin()?;
    let subjects: Vec<_> = (0..SUBJECTS)
        .filter_map(|number| rule.normalise(&format!("+7 900 {:07}", number * 1_234_567)).ok())
        .collect();
    let answers = repositories.iter().map(|repository| {
        let id = repository.id;
        policy.admit(Action::Find, id, None)?;
        policy.read(Action::Find, id, None, &conditions)?;
        let with_subject = subjects.iter().filter(|_| repository.subject.is_some()).map(Some);
        for subject in std::iter::once(None).chain(with_subject) {
            always(policy, &twin, "authority", repository, |policy| {
                policy.authority(id, subject)
            })?;
            always(policy, &twin, "mirrored", repository, |policy| {
                policy.mirrored(id, subject)
            })?;
        }
        always(policy, &twin, "span", repository, |policy| policy.span(id))
    });
    answers.collect()
}

/// The answer to a question that has only one.
fn always<T: PartialEq>(
    policy: &RoutingPolicy,
    twin: &RoutingPolicy,
    function: &'static str,
    repository: &Repository,
    question: impl Fn(&RoutingPolicy) -> Result<T, CallError>,
) -> Result<T, Unfit> {
    let answer = question(policy)?;
    if question(twin)? != answer || question(policy)? != answer {
        return Err(Unfit::Impure {
            function,
            repository: repository.name.clone(),
        });
    }
    Ok(answer)
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
