use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use turnout_vocabulary::{Backend, PerBackend};

/// The progress of a walk. Others may read it while the walk goes on.
#[derive(Debug, Default)]
pub struct Progress {
    sides: PerBackend<Side>,
}

#[derive(Debug, Default)]
struct Side {
    rows: AtomicU64,
    of_about: AtomicU64,
}

/// The progress of a walk on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// How many rows were scanned.
    pub rows: u64,
    /// About how many rows there are; 0 before that is known.
    pub of_about: u64,
}

impl Progress {
    /// The progress on a side.
    #[must_use]
    pub fn on(&self, backend: Backend) -> Scanned {
        let Side { rows, of_about } = &self.sides[backend];
        let rows = rows.load(Relaxed);
        Scanned {
            rows,
            of_about: of_about.load(Relaxed).max(rows),
        }
    }

    /// Begins on a side, after so many rows of about so many.
    pub fn begin(&self, backend: Backend, rows: u64, of_about: u64) {
        self.sides[backend].rows.store(rows, Relaxed);
        self.sides[backend].of_about.store(of_about, Relaxed);
    }

    /// Notes that so many rows of a side are scanned.
    pub fn reach(&self, backend: Backend, rows: u64) {
        self.sides[backend].rows.store(rows, Relaxed);
    }

    pub(crate) fn add(&self, backend: Backend, rows: u64) {
        self.sides[backend].rows.fetch_add(rows, Relaxed);
    }
}
