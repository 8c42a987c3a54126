//! What was asked of each row and what was answered, in the order of one clock.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::rows::Key;
use super::spec::{Reply, Step, Value};

/// A moment: moments of one recorder are never equal, and later ones are greater.
pub(crate) type Moment = u64;

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done, and this was the answer.
    Done(Moment, Reply),
    /// Nobody knows whether it was done, or is still to be done.
    InDoubt,
    /// It was not done and never will be.
    Refused,
}

/// One operation on one row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// When it was asked for.
    pub(crate) invoked: Moment,
    /// What was asked for.
    pub(crate) step: Step,
    /// How it ended.
    pub(crate) outcome: Outcome,
}

/// The operations of one row, in the order in which they ended.
pub(crate) type History = Vec<Entry>;

/// Keeps the histories of all rows. Everybody who works on them shares one.
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

    /// A value that was never written.
    pub(crate) fn value(&self) -> Value {
        self.values.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes down an operation that has ended.
    pub(crate) fn record(&self, key: &Key, entry: Entry) {
        let mut histories = self.histories.lock().unwrap_or_else(PoisonError::into_inner);
        histories.entry(key.clone()).or_default().push(entry);
    }

    /// All histories so far.
    pub(crate) fn histories(&self) -> HashMap<Key, History> {
        self.histories.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
