//! The operations on each row and their answers, in the order of one clock.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::rows::Key;
use super::spec::{Reply, Step, Value};

/// A moment of a recorder's clock. No two moments are equal, and later moments are greater.
pub(crate) type Moment = u64;

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The operation took effect before this moment, and this was its answer.
    Done(Moment, Reply),
    /// Nobody knows whether the operation took effect, or still will.
    InDoubt,
    /// The operation took no effect and never will.
    Refused,
}

/// One operation on one row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// When the operation was sent.
    pub(crate) invoked: Moment,
    /// The operation.
    pub(crate) step: Step,
    /// How the operation ended.
    pub(crate) outcome: Outcome,
}

/// The operations of one row, in the order in which they ended.
pub(crate) type History = Vec<Entry>;

/// Records the histories of all rows. All bots of a run share one recorder.
#[derive(Default)]
pub(crate) struct Recorder {
    clock: AtomicU64,
    values: AtomicU64,
    histories: Mutex<HashMap<Key, History>>,
}

impl Recorder {
    /// The present moment.
    pub(crate) fn now(&self) -> Moment {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// A value that no write has used.
    pub(crate) fn value(&self) -> Value {
        self.values.fetch_add(1, Ordering::Relaxed)
    }

    /// Records an operation that has ended.
    pub(crate) fn record(&self, key: &Key, entry: Entry) {
        let mut histories = self.histories.lock().unwrap_or_else(PoisonError::into_inner);
        histories.entry(key.clone()).or_default().push(entry);
    }

    /// All histories so far.
    pub(crate) fn histories(&self) -> HashMap<Key, History> {
        self.histories.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
