use std::array;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use turnout_backends::MinuteRow;
use turnout_vocabulary::{Action, Backend, LATENCY_BUCKETS, Latencies, RepositoryId};

use crate::Provenance;

/// The backends that an operation may have been answered by: those of [`Backend::ALL`], and none.
const ANSWERED_BY: usize = 3;

/// What was done since it was last taken. To count takes no lock.
pub(crate) struct Counts {
    /// By repository, action and who answered; what was never used takes no memory.
    series: Box<[[OfAction; Action::ALL.len()]]>,
}

/// What was done of one action, by who answered.
type OfAction = [OnceLock<Box<Series>>; ANSWERED_BY];

struct Series {
    operations: AtomicU64,
    errors: AtomicU64,
    latencies: [AtomicU64; LATENCY_BUCKETS],
}

impl Counts {
    /// Nothing, of so many repositories.
    pub(crate) fn new(repositories: usize) -> Self {
        let of_repository = |_| array::from_fn(|_| array::from_fn(|_| OnceLock::new()));
        Self {
            series: (0..repositories).map(of_repository).collect(),
        }
    }

    pub(crate) fn operation(&self, repository: RepositoryId, action: Action, came: &Provenance, failed: bool) {
        let of_action = &self.series[usize::from(repository.0)][action as usize];
        let series = of_action[place(came.backend)].get_or_init(Series::new);
        series.operations.fetch_add(1, Relaxed);
        series.errors.fetch_add(failed.into(), Relaxed);
        if came.backend.is_some() {
            series.latencies[Latencies::bucket(came.database)].fetch_add(1, Relaxed);
        }
    }

    /// Takes what was counted, as done in a minute (in seconds of Unix time).
    pub(crate) fn take(&self, minute: u64, name: impl Fn(RepositoryId) -> String) -> Vec<MinuteRow> {
        let mut rows = Vec::new();
        for (number, of_repository) in (0..).zip(&self.series) {
            for (action, of_action) in Action::ALL.into_iter().zip(of_repository) {
                let backends = Backend::ALL.into_iter().map(Some).chain([None]);
                for (backend, series) in backends.zip(of_action) {
                    let Some(taken) = series.get().and_then(|series| series.take()) else {
                        continue;
                    };
                    rows.push(MinuteRow {
                        minute,
                        repository: name(RepositoryId(number)),
                        action: action.as_str(),
                        backend: backend.map_or("none", Backend::as_str),
                        ..taken
                    });
                }
            }
        }
        rows
    }
}

fn place(backend: Option<Backend>) -> usize {
    match backend {
        Some(Backend::Old) => 0,
        Some(Backend::New) => 1,
        None => 2,
    }
}

impl Series {
    fn new() -> Box<Self> {
        Box::new(Self {
            operations: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            latencies: array::from_fn(|_| AtomicU64::new(0)),
        })
    }

    /// What was counted; `None` if nothing was.
    fn take(&self) -> Option<MinuteRow> {
        let operations = self.operations.swap(0, Relaxed);
        if operations == 0 {
            return None;
        }
        let mut latencies: Vec<u64> = self.latencies.iter().map(|count| count.swap(0, Relaxed)).collect();
        let used = latencies
            .iter()
            .rposition(|count| *count > 0)
            .map_or(0, |last| last + 1);
        latencies.truncate(used);
        Some(MinuteRow {
            operations,
            errors: self.errors.swap(0, Relaxed),
            latency: Latencies(latencies),
            ..MinuteRow::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use turnout_vocabulary::{Epoch, OperationId};

    use super::*;

    #[test]
    fn counts_are_taken_once_by_who_answered() {
        let counts = Counts::new(2);
        let mut came = Provenance::begin(OperationId::generate(), Epoch::FIRST);
        counts.operation(RepositoryId(1), Action::Find, &came, true);
        came.backend = Some(Backend::New);
        came.database = Duration::from_millis(1);
        for _ in 0..3 {
            counts.operation(RepositoryId(1), Action::Find, &came, false);
        }
        let taken = counts.take(60, |id| id.0.to_string());
        let told: Vec<_> = taken
            .iter()
            .map(|row| (row.repository.as_str(), row.backend, row.operations, row.errors))
            .collect();
        assert_eq!(told, [("1", "new", 3, 0), ("1", "none", 1, 1)]);
        assert_eq!(taken[0].latency.0.last(), Some(&3));
        assert!(taken[1].latency.0.is_empty());
        assert!(counts.take(120, |id| id.0.to_string()).is_empty());
    }
}
