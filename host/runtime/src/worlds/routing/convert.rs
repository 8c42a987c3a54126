//! Between the vocabulary and the types of `wit/`.

use std::time::Duration;

use turnout_vocabulary::{Admission, Backend, Conditions, Health, ReadPlan, Span};

use crate::bindings::routing::turnout::policy::routing_types as wit;
use crate::worlds::convert::saturated;

/// [`ReadPlan::compare`] counts in this many reads.
const ALL_READS: u16 = 10_000;

impl From<&Conditions> for wit::Conditions {
    fn from(conditions: &Conditions) -> Self {
        let health = |health: Health| wit::Health {
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

impl From<wit::Span> for Span {
    fn from(span: wit::Span) -> Self {
        match span {
            wit::Span::Old => Self::One(Backend::Old),
            wit::Span::New => Self::One(Backend::New),
            wit::Span::Both => Self::Both,
        }
    }
}

impl From<wit::ReadPlan> for ReadPlan {
    fn from(plan: wit::ReadPlan) -> Self {
        let primary = plan.primary.into();
        let fallback = plan.fallback.map(Backend::from).filter(|fallback| *fallback != primary);
        Self {
            primary,
            fallback,
            compare: plan.compare.min(ALL_READS),
        }
    }
}

impl From<wit::Admission> for Admission {
    fn from(admission: wit::Admission) -> Self {
        match admission {
            wit::Admission::Admit => Self::Admit,
            wit::Admission::Refuse(wait) => Self::Refuse {
                retry_after: Duration::from_millis(wait.into()),
            },
        }
    }
}
