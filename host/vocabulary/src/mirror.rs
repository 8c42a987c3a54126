use std::fmt;
use std::time::Duration;

use crate::{Action, Backend, RepositoryId};

/// How a write reaches the other side, as a dual-write policy plans it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MirrorPlan {
    /// The write is not mirrored. Before its rows are mirrored again, both sides are compared.
    Off,
    /// The write is mirrored after the answer.
    Async,
    /// The write is mirrored before the answer, which waits for the mirror.
    Sync {
        /// How long the answer waits at most.
        bound: Duration,
    },
}

/// How the other side stands after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MirrorState {
    /// The other side is equal.
    Done,
    /// The other side will be equal: the write's entries are pending.
    Pending,
    /// The other side is not equal: a key of the write is parked.
    Parked,
    /// The other side need not be equal: the rows are not mirrored.
    Off,
}

impl MirrorState {
    /// The state's word in headers, logs and metrics.
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
    /// The repository that the row belongs to.
    pub repository: RepositoryId,
    /// The authority, whose row could not be applied on the other side.
    pub source: Backend,
    /// The SQLSTATE that the other side answered; `08006` where the other side could not be reached.
    pub sqlstate: String,
    /// How many attempts have failed, this one included.
    pub attempt: u32,
    /// How long ago the first attempt failed.
    pub age: Duration,
}

/// What becomes of a row that could not be mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The row is tried again.
    Again {
        /// How long the row rests before that.
        after: Duration,
    },
    /// The row's key is parked, for people to see (a dead letter).
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
    /// How long after the authority's answer the other side was equal; `None` unless this host saw it happen.
    pub mirror_took: Option<Duration>,
}

/// What people should hear of. An alert can hold no personal data. `Display` says it in words for people.
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
            AlertKind::Parked => f.write_str("a row could not be mirrored and its key was parked"),
            AlertKind::Other(word) => write!(f, "the dual-write policy says `{word}`"),
        }
    }
}

/// What an alert is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertKind {
    /// The authority was slow.
    Slow {
        /// How long the authority may take.
        over: Duration,
    },
    /// The other side was equal too late, or is not equal yet.
    LateMirror {
        /// How long the other side may take to be equal.
        over: Duration,
    },
    /// A row's key was parked.
    Parked,
    /// Anything else, in a word of the policy's own: letters from `a` to `z` and `-`, at most 32.
    Other(String),
}

impl AlertKind {
    /// The kind's word in metrics, one of four. A policy's own word becomes `other`.
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
    /// The severity's word in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
