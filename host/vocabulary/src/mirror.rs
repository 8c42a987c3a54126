use std::fmt;
use std::time::Duration;

use crate::{Action, Backend, RepositoryId};

/// How a write reaches the other side, as a dual-write policy plans it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MirrorPlan {
    /// It does not. Before the rows are mirrored again, both sides are compared.
    Off,
    /// After the answer.
    Async,
    /// Before the answer, which waits for it.
    Sync {
        /// How long the answer waits at most.
        bound: Duration,
    },
}

/// How the other side stands after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MirrorState {
    /// It is equal.
    Done,
    /// It will be.
    Pending,
    /// It is not: a row was put aside.
    Parked,
    /// It need not be: the rows are not mirrored.
    Off,
}

impl MirrorState {
    /// The word for it in headers, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Pending => "pending",
            Self::Parked => "parked",
            Self::Off => "off",
        }
    }
}

/// A row that could not be mirrored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyFailure {
    /// The repository that it belongs to.
    pub repository: RepositoryId,
    /// The authority, whose row could not be applied on the other side.
    pub source: Backend,
    /// The five characters that the other side answered; `08006` where it could not be reached.
    pub sqlstate: String,
    /// How many attempts have failed, this one included.
    pub attempt: u32,
    /// How long ago the first of them failed.
    pub age: Duration,
}

/// What becomes of a row that could not be mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It is tried again.
    Again {
        /// How long it rests before.
        after: Duration,
    },
    /// It is put aside, for people to see.
    Park,
}

/// What became of a write that its authority committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// What was asked for.
    pub action: Action,
    /// The repository that was written.
    pub repository: RepositoryId,
    /// The backend that was written.
    pub authority: Backend,
    /// How long the authority took to answer.
    pub took: Duration,
    /// How the other side stands.
    pub mirror: MirrorState,
    /// How long after the authority's answer the other side was equal, where that was seen.
    pub mirror_took: Option<Duration>,
}

/// What people should hear of. No personal data can be in it. `Display` says it for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What happened.
    pub kind: AlertKind,
    /// How much it matters.
    pub severity: Severity,
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            AlertKind::Slow { over } => write!(f, "the authority took longer than {} ms", over.as_millis()),
            AlertKind::LateMirror { over } => {
                write!(f, "the other side was not equal after {} ms", over.as_millis())
            }
            AlertKind::Parked => f.write_str("a row could not be mirrored and was put aside"),
            AlertKind::Other(word) => write!(f, "the dual-write policy says `{word}`"),
        }
    }
}

/// What an alert is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertKind {
    /// The authority was slow.
    Slow {
        /// How long it may take.
        over: Duration,
    },
    /// The other side was equal too late, or is not yet.
    LateMirror {
        /// How long that may take.
        over: Duration,
    },
    /// A row was put aside.
    Parked,
    /// Anything else, in a word of the policy's own: letters from `a` to `z` and `-`, at most 32.
    Other(String),
}

impl AlertKind {
    /// The word for it in metrics: one of four, so a policy's own word is not it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Slow { .. } => "slow",
            Self::LateMirror { .. } => "late_mirror",
            Self::Parked => "parked",
            Self::Other(_) => "other",
        }
    }
}

/// How much an alert matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// A person should look at it.
    Warning,
    /// A person must look at it.
    Critical,
}

impl Severity {
    /// The word for it in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
