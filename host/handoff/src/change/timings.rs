use std::time::Duration;

use tokio::time::Instant;

/// How long each part of a handoff took. Operations whose authority changes wait from the fences to the release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// To ask whether the set may come into force.
    pub gate: Duration,
    /// To write the epoch down on both sides.
    pub record: Duration,
    /// To raise both fences, and to wait for the writes that were let in before.
    pub fences: Duration,
    /// To mirror what was left of past epochs, and to set sequences apart.
    pub drain: Duration,
    /// To make sure that rows that change hands are the same on both sides.
    pub proof: Duration,
    /// To release the epoch.
    pub release: Duration,
}

impl Timings {
    /// How long operations waited whose authority changed, at most.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.fences + self.drain + self.proof + self.release
    }
}

/// Measures one part after the other.
pub(crate) struct Laps(Instant);

impl Laps {
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }

    /// How long it was since the last lap.
    pub(crate) fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now - std::mem::replace(&mut self.0, now)
    }
}
