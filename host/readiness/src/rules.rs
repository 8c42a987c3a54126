use std::collections::BTreeSet;
use std::time::Duration;

use crate::Criterion;

/// What is enough for each criterion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How old the last comparison of a repository may be.
    pub verify: Duration,
    /// How long the oldest change may have waited to be mirrored.
    pub mirror: Duration,
    /// How old the last drill may be.
    pub drill: Duration,
    /// How long both sides must have run in parallel.
    pub parallel_run: Duration,
    /// How long ago a side may last have archived its log.
    pub backups: Duration,
    /// The criteria that are not asked.
    pub skip: BTreeSet<Criterion>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            verify: Duration::from_hours(24),
            mirror: Duration::from_secs(1),
            drill: Duration::from_hours(7 * 24),
            parallel_run: Duration::from_hours(48),
            backups: Duration::from_hours(24),
            skip: BTreeSet::new(),
        }
    }
}
