use std::time::Duration;

use turnout_vocabulary::{Backend, Epoch, OperationId};

/// How an answer came about.
#[derive(Clone, Copy, Debug)]
pub struct Provenance {
    /// What the log line calls the operation.
    pub operation: OperationId,
    /// The policy set that decided.
    pub epoch: Epoch,
    /// The backend that answered, or was last asked to.
    pub backend: Option<Backend>,
    /// The time spent in policies.
    pub policy: Duration,
    /// The time spent waiting for backends.
    pub database: Duration,
}

impl Provenance {
    /// What is known when an operation begins.
    pub(crate) fn begin(operation: OperationId, epoch: Epoch) -> Self {
        Self {
            operation,
            epoch,
            backend: None,
            policy: Duration::ZERO,
            database: Duration::ZERO,
        }
    }
}
