use std::time::Duration;

use super::check::Check;
use super::stages::Stages;

/// The options of a run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The seed of all choices.
    pub seed: u64,
    /// How long bots work and faults happen.
    pub duration: Duration,
    /// The stages of the cohorts in the beginning.
    pub stages: Stages,
    /// Whether cohorts move. They move only among stages that are mirrored.
    pub stages_move: bool,
    /// Whether administrators write and alter the databases past Turnout, settings change, and sides are restored.
    pub surroundings: bool,
    /// The checks after the run.
    pub checks: &'static [Check],
}

impl Options {
    /// A run in which nothing is mirrored. Every subject stays on its side.
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

    /// A run in which everything is mirrored and cohorts move, with the surroundings.
    #[must_use]
    pub fn surrounded(seed: u64, duration: Duration) -> Self {
        Self {
            surroundings: true,
            ..Self::mirrored(seed, duration)
        }
    }
}
