use std::time::Duration;

use super::check::Check;
use super::stages::Stages;

/// What a run is to be.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where all choices come from.
    pub seed: u64,
    /// For how long things happen.
    pub duration: Duration,
    /// Where cohorts stand in the beginning.
    pub stages: Stages,
    /// Whether they move: only among stages that are mirrored.
    pub stages_move: bool,
    /// Whether administrators write and alter the databases past Turnout, settings change, and sides are restored.
    pub surroundings: bool,
    /// What is asked in the end.
    pub checks: &'static [Check],
}

impl Options {
    /// A run in which nothing is mirrored: every subject stays on its side.
    #[must_use]
    pub fn apart(seed: u64, duration: Duration) -> Self {
        Self {
            seed,
            duration,
            stages: Stages::APART,
            stages_move: false,
            surroundings: false,
            checks: Check::APART,
        }
    }

    /// A run in which everything is mirrored, and cohorts move.
    #[must_use]
    pub fn mirrored(seed: u64, duration: Duration) -> Self {
        Self {
            seed,
            duration,
            stages: Stages::TOGETHER,
            stages_move: true,
            surroundings: false,
            checks: Check::ALL,
        }
    }

    /// The same among administrators who do what they do.
    #[must_use]
    pub fn surrounded(seed: u64, duration: Duration) -> Self {
        Self {
            surroundings: true,
            ..Self::mirrored(seed, duration)
        }
    }
}
