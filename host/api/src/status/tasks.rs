use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use turnout_supervisor::{Need, TaskState};

/// How the long-running tasks of one name stand in this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskStatus {
    /// The name.
    pub name: String,
    /// Whether the host is not ready while it is down.
    pub required: bool,
    /// How many run or wait for their restart.
    pub started: u32,
    /// How many of these failed and wait for their restart.
    pub down: u32,
    /// How often one was started again since the host began.
    pub restarts: u64,
    /// Why one last failed, in words without personal data; `None` if none did.
    pub last_failure: Option<TaskFailure>,
}

/// Why a task failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskFailure {
    /// In words.
    pub reason: String,
    /// When, in seconds of Unix time.
    pub at: u64,
}

impl From<TaskState> for TaskStatus {
    fn from(state: TaskState) -> Self {
        Self {
            name: state.name,
            required: state.need == Need::Required,
            started: state.started,
            down: state.down,
            restarts: state.restarts,
            last_failure: state.last_failure.map(|failure| TaskFailure {
                reason: failure.reason,
                at: failure.at.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
            }),
        }
    }
}
