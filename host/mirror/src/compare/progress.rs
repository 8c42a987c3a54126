use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use turnout_vocabulary::{Backend, PerBackend};

/// How far the comparison of a repository is. Others may read it while the comparison goes on.
#[derive(Debug, Default)]
pub struct Comparing {
    sides: PerBackend<Side>,
    again: AtomicBool,
}

#[derive(Debug, Default)]
struct Side {
    rows: AtomicU64,
    of_about: AtomicU64,
}

/// How far a comparison is on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked {
    /// About how many rows were looked at.
    pub rows: u64,
    /// About how many rows there are; 0 before that is known.
    pub of_about: u64,
}

impl Comparing {
    /// How far the comparison is on a side.
    #[must_use]
    pub fn on(&self, backend: Backend) -> Looked {
        let Side { rows, of_about } = &self.sides[backend];
        Looked {
            rows: rows.load(Relaxed),
            of_about: of_about.load(Relaxed),
        }
    }

    /// Whether the comparison is in its second scan, which reads the rows of the parts that differ.
    #[must_use]
    pub fn is_second_look(&self) -> bool {
        self.again.load(Relaxed)
    }

    pub(super) fn begin_second_look(&self) {
        self.again.store(true, Relaxed);
    }

    pub(super) fn set(&self, backend: Backend, looked: Looked) {
        let side = &self.sides[backend];
        side.rows.store(looked.rows, Relaxed);
        side.of_about.store(looked.of_about, Relaxed);
    }
}
