use std::iter::Sum;
use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Failure;

/// How many instances failed and were discarded, those included whose call went well on a second try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// They ran out of time.
    pub time: u64,
    /// They asked for too much memory.
    pub memory: u64,
    /// They asked for too many entries in their tables.
    pub table: u64,
    /// They trapped, or broke the rules of their world.
    pub trap: u64,
}

impl Failures {
    /// How many in all.
    #[must_use]
    pub fn total(self) -> u64 {
        self.time + self.memory + self.table + self.trap
    }
}

impl Add for Failures {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            time: self.time + other.time,
            memory: self.memory + other.memory,
            table: self.table + other.table,
            trap: self.trap + other.trap,
        }
    }
}

impl Sum for Failures {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// Counts them.
#[derive(Default)]
pub(crate) struct FailureCount {
    time: AtomicU64,
    memory: AtomicU64,
    table: AtomicU64,
    trap: AtomicU64,
}

impl FailureCount {
    pub(crate) fn count(&self, failure: &Failure) {
        let counter = match failure {
            Failure::OutOfTime { .. } => &self.time,
            Failure::OutOfMemory { .. } => &self.memory,
            Failure::OutOfTable { .. } => &self.table,
            Failure::Trapped { .. } | Failure::Fickle => &self.trap,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn so_far(&self) -> Failures {
        Failures {
            time: self.time.load(Relaxed),
            memory: self.memory.load(Relaxed),
            table: self.table.load(Relaxed),
            trap: self.trap.load(Relaxed),
        }
    }
}
