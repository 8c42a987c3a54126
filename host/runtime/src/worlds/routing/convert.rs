//! Between the vocabulary and the types of `wit/`.

use std::time::Duration;

use turnout_vocabulary::{Action, Admission, Backend, Conditions, Health, ReadPlan, RepositoryId, Span, Subject};

use crate::bindings::routing::turnout::policy::{routing_types as routing, types as wit};

/// What [`ReadPlan::compare`] counts in.
const ALL_READS: u16 = 10_000;

pub(super) fn target(repository: RepositoryId, subject: Option<&Subject>) -> wit::Target<'_> {
    wit::Target {
        repository: repository.0,
        subject: subject.map(Subject::as_str),
    }
}

pub(super) fn operation(action: Action, repository: RepositoryId, subject: Option<&Subject>) -> wit::Operation<'_> {
    let action = match action {
        Action::Find => wit::Action::Find,
        Action::Insert => wit::Action::Insert,
        Action::Upsert => wit::Action::Upsert,
        Action::Update => wit::Action::Update,
        Action::Delete => wit::Action::Delete,
    };
    wit::Operation {
        action,
        target: target(repository, subject),
    }
}

impl From<&Conditions> for routing::Conditions {
    fn from(conditions: &Conditions) -> Self {
        let health = |health: Health| routing::Health {
            up: health.up,
            p95: saturated(health.p95.as_micros()),
        };
        Self {
            old: health(conditions.backends.old),
            new: health(conditions.backends.new),
            mirror_lag: conditions.mirror_lag.map(|lag| saturated(lag.as_millis())),
        }
    }
}

fn saturated(number: u128) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl From<wit::Backend> for Backend {
    fn from(backend: wit::Backend) -> Self {
        match backend {
            wit::Backend::Old => Self::Old,
            wit::Backend::New => Self::New,
        }
    }
}

impl From<routing::Span> for Span {
    fn from(span: routing::Span) -> Self {
        match span {
            routing::Span::Old => Self::One(Backend::Old),
            routing::Span::New => Self::One(Backend::New),
            routing::Span::Both => Self::Both,
        }
    }
}

impl From<routing::ReadPlan> for ReadPlan {
    fn from(plan: routing::ReadPlan) -> Self {
        let primary = plan.primary.into();
        let fallback = plan.fallback.map(Backend::from).filter(|fallback| *fallback != primary);
        Self {
            primary,
            fallback,
            compare: plan.compare.min(ALL_READS),
        }
    }
}

impl From<routing::Admission> for Admission {
    fn from(admission: routing::Admission) -> Self {
        match admission {
            routing::Admission::Admit => Self::Admit,
            routing::Admission::Refuse(wait) => Self::Refuse {
                retry_after: Duration::from_millis(wait.into()),
            },
        }
    }
}
