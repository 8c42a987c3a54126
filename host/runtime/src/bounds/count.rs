use std::iter::Sum;
use std::ops::Add;

use super::Failure;

/// How many instances failed and were discarded, also those whose call went well on the second try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// Instances that ran out of time.
    pub time: u64,
    /// Instances that asked for too much memory.
    pub memory: u64,
    /// Instances that asked for too many entries in their tables.
    pub table: u64,
    /// Instances that trapped, or broke the rules of their world.
    pub trap: u64,
}

impl Failures {
    /// How many instances failed in all.
    #[must_use]
    pub fn total(self) -> u64 {
        self.time + self.memory + self.table + self.trap
    }

    pub(crate) fn count(&mut self, failure: &Failure) {
        *match failure {
            Failure::OutOfTime { .. } => &mut self.time,
            Failure::OutOfMemory { .. } => &mut self.memory,
            Failure::OutOfTable { .. } => &mut self.table,
            Failure::Trapped { .. } | Failure::BadSchema { .. } | Failure::Fickle => &mut self.trap,
        } += 1;
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
