//! Asks a policy one question of each kind about every repository, so that one which cannot answer is refused before an
//! application meets it. What has to be pure is asked again and again.

use std::time::Duration;

use turnout_runtime::{CallError, ConfigureError, DualWritePolicy, RoutingPolicy};
use turnout_vocabulary::{
    Action, ApplyFailure, Backend, Conditions, MirrorPlan, MirrorState, PerBackend, Repository, RepositoryId, Span,
    Subject, SubjectRule, Written,
};

use crate::cpu_time;
use crate::mirroring::Repositories;

/// Why a policy does not pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    #[error(transparent)]
    Failed(#[from] CallError),
    #[error(transparent)]
    Configure(#[from] ConfigureError),
    #[error(
        "`{function}` answers the same question about repository {repository} differently, asked again or of another instance: \
         it must depend on its argument and the settings alone"
    )]
    Impure { function: &'static str, repository: String },
    #[error(
        "`span` says that the authority of all rows of repository {repository} is {span}, and `authority` says {authority} \
         for a subject: let `span` say `both`, or mend `authority`"
    )]
    Contradiction {
        repository: String,
        span: Backend,
        authority: Backend,
    },
    #[error(
        "the policy is too slow: its answers took {} ms each, and {asked} of them more than {budget:?}; make it faster, or raise \
         `policies.exam_budget`",
        spent.as_millis() / u128::from(*asked).max(1)
    )]
    TooSlow {
        spent: Duration,
        asked: u32,
        budget: Duration,
    },
}

/// How many made-up subjects a routing policy is asked about in each repository.
const SUBJECTS: u32 = 8;

/// How many more questions one instance is asked in a row, as long as they take no more than this part of the budget.
const RUN: usize = 4096;
const SHARE_OF_RUN: u32 = 20;

/// A question about whose rows are written where, and what a policy said.
struct Answered<'a> {
    repository: &'a Repository,
    subject: Option<&'a Subject>,
    authority: Backend,
    mirrored: bool,
}

/// What it answers about spans is kept. What has to be pure is asked of two instances, and of the first again: at once, and
/// after thousands of other questions.
pub(crate) fn routing(
    policy: &RoutingPolicy,
    repositories: &[Repository],
    rule: &SubjectRule,
    budget: Duration,
) -> Result<Box<[Span]>, Unfit> {
    let conditions = Conditions::healthy(None);
    let twin = policy.twin()?;
    let subjects: Vec<_> = (0..SUBJECTS).map(|number| rule.made_up(number)).collect();
    let began = cpu_time::of_this_thread();
    let mut answered = Vec::new();
    let mut spans = Vec::new();
    for repository in repositories {
        let id = repository.id;
        policy.admit(Action::Find, id, None)?;
        policy.read(Action::Find, id, None, &conditions)?;
        let span = always(policy, &twin, "span", repository, |policy| policy.span(id))?;
        spans.push(span);
        let with_subject = subjects.iter().filter(|_| repository.subject.is_some()).map(Some);
        for subject in std::iter::once(None).chain(with_subject) {
            let authority = always(policy, &twin, "authority", repository, |policy| {
                policy.authority(id, subject)
            })?;
            if let Span::One(span) = span
                && span != authority
            {
                let repository = repository.name.clone();
                return Err(Unfit::Contradiction {
                    repository,
                    span,
                    authority,
                });
            }
            let mirrored = always(policy, &twin, "mirrored", repository, |policy| {
                policy.mirrored(id, subject)
            })?;
            answered.push(Answered {
                repository,
                subject,
                authority,
                mirrored,
            });
            let spent = cpu_time::of_this_thread().saturating_sub(began);
            if spent > budget {
                let asked = u32::try_from(answered.len()).unwrap_or(u32::MAX).saturating_mul(6);
                return Err(Unfit::TooSlow { spent, asked, budget });
            }
        }
    }
    run(policy, &answered, budget / SHARE_OF_RUN)?;
    Ok(spans.into())
}

/// Asks one instance the same questions again and again.
fn run(policy: &RoutingPolicy, answered: &[Answered<'_>], budget: Duration) -> Result<(), Unfit> {
    let began = cpu_time::of_this_thread();
    for answer in answered.iter().cycle().take(RUN) {
        let Answered {
            repository, subject, ..
        } = *answer;
        let impure = |function| Unfit::Impure {
            function,
            repository: repository.name.clone(),
        };
        if policy.authority(repository.id, subject)? != answer.authority {
            return Err(impure("authority"));
        }
        if policy.mirrored(repository.id, subject)? != answer.mirrored {
            return Err(impure("mirrored"));
        }
        if cpu_time::of_this_thread().saturating_sub(began) > budget {
            break;
        }
    }
    Ok(())
}

/// The answer to a question that has only one.
fn always<P, T: PartialEq>(
    policy: &P,
    twin: &P,
    function: &'static str,
    repository: &Repository,
    question: impl Fn(&P) -> Result<T, CallError>,
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

/// What it answers about which repositories are mirrored at all is kept.
pub(crate) fn dual_write(policy: &DualWritePolicy, repositories: &[Repository]) -> Result<Repositories, Unfit> {
    let twin = policy.twin()?;
    let mirrors = repositories.iter().map(|repository| {
        let id = repository.id;
        policy.mirror(Action::Insert, id, None, Backend::Old)?;
        policy.retry(&failure(id))?;
        policy.settle(&write(id))?;
        let mirrors = |authority| {
            always(policy, &twin, "mirror", repository, |policy| {
                let plan = policy.mirror(Action::Update, id, None, authority)?;
                Ok(plan != MirrorPlan::Off)
            })
        };
        Ok(PerBackend {
            old: mirrors(Backend::Old)?,
            new: mirrors(Backend::New)?,
        })
    });
    mirrors.collect()
}

fn failure(repository: RepositoryId) -> ApplyFailure {
    ApplyFailure {
        repository,
        source: Backend::Old,
        sqlstate: "23503".into(),
        attempt: 1,
        age: Duration::ZERO,
    }
}

fn write(repository: RepositoryId) -> Written {
    Written {
        action: Action::Insert,
        repository,
        authority: Backend::Old,
        took: Duration::from_millis(1),
        mirror: MirrorState::Done,
        mirror_took: Some(Duration::from_millis(1)),
    }
}
