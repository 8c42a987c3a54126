use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::Need;

/// How the tasks of one name stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskState {
    /// The name.
    pub name: String,
    /// Whether a host is ready without it.
    pub need: Need,
    /// How many run or wait for their restart.
    pub started: u32,
    /// How many of these failed and wait for their restart.
    pub down: u32,
    /// How often one was started again.
    pub restarts: u64,
    /// Why one last failed.
    pub last_failure: Option<Failure>,
}

/// Why a task failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In words without personal data.
    pub reason: String,
    /// When.
    pub at: SystemTime,
}

/// The tasks of one supervisor, by name.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<BTreeMap<String, TaskState>>);

impl Known {
    pub(crate) fn all(&self) -> Vec<TaskState> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, TaskState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of one task in the state of its name, until this is dropped.
pub(crate) struct Entry {
    known: Arc<Known>,
    name: String,
    is_down: bool,
}

impl Entry {
    pub(crate) fn new(known: &Arc<Known>, name: &str, need: Need) -> Self {
        let first = || TaskState {
            name: name.to_owned(),
            need,
            started: 0,
            down: 0,
            restarts: 0,
            last_failure: None,
        };
        known.lock().entry(name.to_owned()).or_insert_with(first).started += 1;
        Self {
            known: Arc::clone(known),
            name: name.to_owned(),
            is_down: false,
        }
    }

    /// Notes that the task failed and is started again after this pause.
    pub(crate) fn fails(&mut self, reason: String, pause: Duration) {
        tracing::error!(
            task = self.name,
            reason,
            ?pause,
            "a task of the host failed and is started again"
        );
        self.is_down = true;
        if let Some(state) = self.known.lock().get_mut(&self.name) {
            state.down += 1;
            state.last_failure = Some(Failure {
                reason,
                at: SystemTime::now(),
            });
        }
    }

    /// Notes that the task is started again.
    pub(crate) fn restarts(&mut self) {
        self.is_down = false;
        if let Some(state) = self.known.lock().get_mut(&self.name) {
            state.down -= 1;
            state.restarts += 1;
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut known = self.known.lock();
        let Some(state) = known.get_mut(&self.name) else { return };
        state.started -= 1;
        state.down -= u32::from(self.is_down);
        // What was counted stays.
        if state.started == 0 && state.last_failure.is_none() {
            known.remove(&self.name);
        }
    }
}
