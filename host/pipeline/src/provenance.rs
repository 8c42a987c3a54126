use std::time::Duration;

use turnout_vocabulary::{Backend, Epoch, MirrorState, OperationId, PerBackend};

/// How an answer came about.
#[derive(Clone, Copy, Debug)]
pub struct Provenance {
    /// What the log line calls the operation.
    pub operation: OperationId,
    /// The policy set that decided.
    pub epoch: Epoch,
    /// The backend that answered, or was last asked to.
    pub backend: Option<Backend>,
    /// How many rows each backend wrote, where a write was split by authority.
    pub parts: PerBackend<Option<u64>>,
    /// What a read may miss; `None` if nothing.
    pub staleness: Option<Staleness>,
    /// The time spent in policies.
    pub policy: Duration,
    /// The time spent waiting for backends.
    pub database: Duration,
    /// How the other side stands after a write.
    pub mirror: Option<MirrorState>,
}

/// What a read may miss of the changes that were made before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staleness {
    /// Those of this age and younger.
    Age(Duration),
    /// Nobody knows.
    Unknown,
}

impl Provenance {
    /// What is known when an operation begins.
    pub(crate) fn begin(operation: OperationId, epoch: Epoch) -> Self {
        Self {
            operation,
            epoch,
            backend: None,
            parts: PerBackend::default(),
            staleness: None,
            policy: Duration::ZERO,
            database: Duration::ZERO,
            mirror: None,
        }
    }
    /// Notes how the other side stands after one part of a write; the worst counts.
    pub(crate) fn note_mirror(&mut self, state: MirrorState) {
        let weight = |state| match state {
            MirrorState::Off => 0,
            MirrorState::Done => 1,
            MirrorState::Pending => 2,
            MirrorState::Parked => 3,
        };
        if self.mirror.is_none_or(|before| weight(before) < weight(state)) {
            self.mirror = Some(state);
        }
    }
}
