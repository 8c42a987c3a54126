use std::time::Duration;

use crate::{Backend, PerBackend};

/// Where a read goes, as a routing policy plans it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadPlan {
    /// The backend that answers.
    pub primary: Backend,
    /// The backend that answers when the primary is unavailable, if the policy allows one.
    pub fallback: Option<Backend>,
    /// How many of 10,000 such reads are to be compared with the other backend.
    pub compare: u16,
}

/// Whether an operation goes ahead at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The operation goes ahead.
    Admit,
    /// The operation is refused for now (a freeze). The application may try again later.
    Refuse {
        /// How long the application should wait.
        retry_after: Duration,
    },
}

/// The backends that can be the authority of a repository's rows under one policy set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// All rows have the same authority.
    One(Backend),
    /// The authority depends on the subject.
    Both,
}

/// What a routing policy may know of the world when it plans a read.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// The health of each backend.
    pub backends: PerBackend<Health>,
    /// How far the mirror is behind for the key; `None` while that is not known.
    pub mirror_lag: Option<Duration>,
}

impl Conditions {
    /// Conditions under which both backends are up and fast.
    #[must_use]
    pub fn healthy(mirror_lag: Option<Duration>) -> Self {
        let health = Health {
            up: true,
            p95: Duration::ZERO,
        };
        Self {
            backends: PerBackend::from_fn(|_| health),
            mirror_lag,
        }
    }
}

/// The health of one backend, as the host's own operations experience it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether connections to the backend can be had.
    pub up: bool,
    /// The 95th percentile of the times of its recent answers; zero while there were none.
    pub p95: Duration,
}
