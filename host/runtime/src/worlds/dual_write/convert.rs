//! Between the vocabulary and the types of `wit/`.

use std::time::Duration;

use turnout_vocabulary::{Alert, AlertKind, ApplyFailure, MirrorPlan, MirrorState, Retry, Severity, Written};

use crate::bindings::dual_write::turnout::policy::dual_write_types as wit;
use crate::worlds::convert::{MOST_SHOWN, saturated, word};

/// The shortest rest of a row that could not be mirrored, so that no policy makes the host spin.
const SHORTEST_REST: Duration = Duration::from_millis(10);

fn milliseconds(number: u32) -> Duration {
    Duration::from_millis(number.into())
}

impl From<wit::MirrorPlan> for MirrorPlan {
    fn from(plan: wit::MirrorPlan) -> Self {
        match plan {
            wit::MirrorPlan::Off => Self::Off,
            wit::MirrorPlan::Async => Self::Async,
            wit::MirrorPlan::Sync(bound) => Self::Sync {
                bound: milliseconds(bound),
            },
        }
    }
}

impl<'a> From<&'a ApplyFailure> for wit::Failure<'a> {
    fn from(failure: &'a ApplyFailure) -> Self {
        Self {
            repository: failure.repository.0,
            source: failure.source.into(),
            sqlstate: &failure.sqlstate,
            attempt: failure.attempt,
            age: saturated(failure.age.as_millis()),
        }
    }
}

impl From<wit::RetryDecision> for Retry {
    fn from(decision: wit::RetryDecision) -> Self {
        match decision {
            wit::RetryDecision::Again(wait) => Self::Again {
                after: milliseconds(wait).max(SHORTEST_REST),
            },
            wit::RetryDecision::Park => Self::Park,
        }
    }
}

impl From<&Written> for wit::Outcome {
    fn from(written: &Written) -> Self {
        Self {
            action: written.action.into(),
            repository: written.repository.0,
            authority: written.authority.into(),
            took: saturated(written.took.as_micros()),
            mirror: match written.mirror {
                MirrorState::Done => wit::MirrorState::Done,
                MirrorState::Pending => wit::MirrorState::Pending,
                MirrorState::Parked => wit::MirrorState::Parked,
                MirrorState::Off => wit::MirrorState::Off,
            },
            mirror_took: written.mirror_took.map(|took| saturated(took.as_micros())),
        }
    }
}

impl From<wit::Alert> for Alert {
    fn from(alert: wit::Alert) -> Self {
        Self {
            kind: match alert.kind {
                wit::AlertKind::Slow(over) => AlertKind::Slow { over: shown(over) },
                wit::AlertKind::LateMirror(over) => AlertKind::LateMirror { over: shown(over) },
                wit::AlertKind::Parked => AlertKind::Parked,
                wit::AlertKind::Other(text) => AlertKind::Other(word(text)),
            },
            severity: match alert.severity {
                wit::Severity::Warning => Severity::Warning,
                wit::Severity::Critical => Severity::Critical,
            },
        }
    }
}

/// The time of an alert, cut so short that it can hold no phone. A write that took longer than the policy's time took longer than this.
fn shown(over: u32) -> Duration {
    milliseconds(over.min(MOST_SHOWN))
}
