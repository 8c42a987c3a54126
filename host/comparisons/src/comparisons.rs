use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio::time::sleep;
use turnout_backends::Database;
use turnout_policies::Policies;
use turnout_supervisor::{Need, Supervisor};
use turnout_vocabulary::{ComparisonSource, DivergenceAlert, PerBackend, Repository, RepositoryId, SubjectRule};

use crate::ComparisonMetrics;
use crate::counts::{Counts, What};
use crate::reads::Read;

/// How many reads wait to be compared at most. Each holds its answer.
const WAITING_READS: usize = 64;

/// The largest answer that is compared, in bytes. So waiting reads take 16 MB at most.
const LARGEST_ANSWER: usize = 256 * 1024;

/// How often counts are written to the side `new`.
const FLUSH: Duration = Duration::from_secs(2);

/// Hears of alerts.
pub trait Listener: Send + Sync {
    /// The divergence policy wants people to hear of this. `details` names what differs, without personal data.
    fn alert(&self, alert: &DivergenceAlert, details: &str);

    /// The divergence policy wants a person to decide about so many rows of a repository that differ.
    fn call(&self, repository: &Repository, rows: u64);
}

/// What comparisons work with.
pub struct Parts {
    /// The policies.
    pub policies: Arc<Policies>,
    /// The two databases.
    pub sides: Arc<PerBackend<Database>>,
    /// The tables served.
    pub repositories: Arc<[Repository]>,
    /// How subjects are found in texts.
    pub rule: SubjectRule,
    /// Who hears of alerts.
    pub listener: Arc<dyn Listener>,
    /// What was compared, for people.
    pub metrics: Arc<ComparisonMetrics>,
    /// How often both sides are compared whole and repaired; `None` if that is left to people.
    pub reconcile_every: Option<Duration>,
}

/// Compares both sides while the host serves.
pub struct Comparisons {
    parts: Parts,
    pub(crate) counts: Counts,
    reads: mpsc::Sender<Read>,
    waiting: Mutex<mpsc::Receiver<Read>>,
}

impl Deref for Comparisons {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Comparisons {
    /// Compares nothing yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let (reads, waiting) = mpsc::channel(WAITING_READS);
        Self {
            parts,
            counts: Counts::default(),
            reads,
            waiting: Mutex::new(waiting),
        }
    }

    /// Has a read compared that the application made. Returns at once; if too many wait, the read is dropped and counted.
    pub fn read(&self, read: Read) {
        let repository = read.repository;
        if read.answer.len() > LARGEST_ANSWER || self.reads.try_send(read).is_err() {
            self.count(repository, ComparisonSource::Read, What::Dropped, 1);
        }
    }

    /// Starts the tasks that a host needs. Must be called inside a tokio runtime.
    pub fn work(self: &Arc<Self>, supervisor: &Supervisor) {
        self.keep(supervisor, "compared-reads", Self::compare_reads);
        self.keep(supervisor, "comparison-counts", Self::flush);
        self.keep(supervisor, "divergence-alerts", Self::assess);
        if self.reconcile_every.is_some() {
            self.keep(supervisor, "reconcile", Self::repair);
        }
    }

    fn keep<F>(self: &Arc<Self>, supervisor: &Supervisor, name: &str, work: impl Fn(Arc<Self>) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let comparisons = Arc::clone(self);
        supervisor
            .keep(name, Need::Optional, move || work(Arc::clone(&comparisons)))
            .detach();
    }

    pub(crate) fn count(&self, repository: RepositoryId, source: ComparisonSource, what: What, rows: u64) {
        if rows > 0 {
            self.counts.add(repository, source, what, rows);
            self.metrics.compared(self.of(repository), source, what, rows);
        }
    }

    pub(crate) fn of(&self, repository: RepositoryId) -> &Repository {
        &self.parts.repositories[usize::from(repository.0)]
    }

    /// The next read that waits.
    pub(crate) async fn next_read(&self) -> Option<Read> {
        self.waiting.lock().await.recv().await
    }

    /// Writes what was counted to the side `new`.
    pub async fn flush_once(&self) {
        let counts = self.counts.take();
        let rows: Vec<_> = counts.iter().map(|(at, count)| count.of(self.of(at.0), at.1)).collect();
        if !rows.is_empty() && self.sides.new.add_comparisons(&rows).await.is_err() {
            // The side is down: the counts wait.
            self.counts.put_back(counts);
        }
    }

    async fn flush(self: Arc<Self>) {
        loop {
            sleep(FLUSH).await;
            self.flush_once().await;
        }
    }
}
