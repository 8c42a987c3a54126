use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use turnout_vocabulary::RepositoryId;

/// The span over which the rate is taken.
const SPAN: Duration = Duration::from_secs(5);

/// How many rows of one repository this host's applier has mirrored, and how fast.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Throughput {
    /// Rows made equal since the host began.
    pub applied: u64,
    /// Rows made equal per second, over the last few seconds.
    pub rate: f64,
}

/// What an applier has done.
pub(crate) struct Progress {
    at_work: AtomicBool,
    repositories: Box<[Applied]>,
    /// The repositories whose rows could not be read when the applier last tried, each with the reason.
    stopped: Mutex<Vec<(RepositoryId, String)>>,
}

#[derive(Default)]
struct Applied {
    rows: AtomicU64,
    /// When the present span began, the rows until then, and the rate of the span before. `None` before the first question.
    span: Mutex<Option<(Instant, u64, f64)>>,
}

impl Progress {
    pub(crate) fn new(repositories: usize) -> Self {
        Self {
            at_work: AtomicBool::new(false),
            repositories: (0..repositories).map(|_| Applied::default()).collect(),
            stopped: Mutex::default(),
        }
    }

    pub(crate) fn set_stopped(&self, stopped: Vec<(RepositoryId, String)>) {
        let mut known = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        for (repository, reason) in &stopped {
            if !known.contains(&(*repository, reason.clone())) {
                tracing::warn!(
                    repository = repository.0,
                    reason,
                    "the rows of a repository can't be read, and are not mirrored until they can"
                );
            }
        }
        *known = stopped;
    }

    pub(crate) fn stopped(&self, repository: RepositoryId) -> Option<String> {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let of = stopped.iter().find(|(stopped, _)| *stopped == repository);
        of.map(|(_, reason)| reason.clone())
    }

    pub(crate) fn set_at_work(&self, at_work: bool) {
        self.at_work.store(at_work, Relaxed);
    }

    pub(crate) fn is_at_work(&self) -> bool {
        self.at_work.load(Relaxed)
    }

    pub(crate) fn applied(&self, repository: RepositoryId, rows: u64) {
        self.repositories[usize::from(repository.0)]
            .rows
            .fetch_add(rows, Relaxed);
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate is shown to people")]
    pub(crate) fn throughput(&self, repository: RepositoryId) -> Throughput {
        let Applied { rows, span } = &self.repositories[usize::from(repository.0)];
        let applied = rows.load(Relaxed);
        let mut span = span.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, before, rate) = span.unwrap_or((Instant::now(), applied, 0.0));
        let passed = began.elapsed();
        let rate = if passed >= SPAN || (passed > Duration::from_millis(200) && rate == 0.0) {
            (applied - before) as f64 / passed.as_secs_f64()
        } else {
            rate
        };
        if span.is_none() || passed >= SPAN {
            *span = Some((Instant::now(), applied, rate));
        }
        Throughput { applied, rate }
    }
}
