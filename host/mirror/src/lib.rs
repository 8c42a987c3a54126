//! Keeps the mirror equal to the authority.
//!
//! A [`Mirror`] has one applier for each direction. An applier takes the dirty keys of one side, reads their rows as they are at that
//! moment, makes the other side equal, and only then acknowledges the keys' entries, which go. The mirror copies state and not history: a
//! repeat costs nothing but time, and the order of delivery never matters. The [`Judge`] says what is to become of a key: this crate knows
//! nothing of policies.
//!
//! - `applier` is the life of one direction: lease, batches, rest.
//! - `batch` judges the keys that were taken, and says what became of them.
//! - `ranges` copies dirty ranges, in chunks beside the entries.
//! - `waiting` lets a write wait until its own keys are mirrored.
//! - `rewound` finds a side that was restored from the past.
//! - `numbers` sets sequences apart while both sides hand out numbers.

mod applier;
mod batch;
mod judge;
mod numbers;
mod order;
mod progress;
mod ranges;
mod rewound;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::timeout;
use turnout_backends::Database;
use turnout_supervisor::{Need, Supervisor, Task};
use turnout_vocabulary::{Backend, MirrorState, PerBackend, Repository, RepositoryId};
use uuid::Uuid;

use applier::Applier;

pub use judge::{Judge, Unsaid, Verdict};
pub use numbers::{Numbered, Numbers, Unnumbered};
use progress::Progress;
pub use progress::Throughput;
pub use rewound::rewound;
use waiting::Waiting;

/// The appliers of both directions. They end when the mirror is dropped.
pub struct Mirror {
    /// By the source, the side that is read.
    directions: PerBackend<Direction>,
    backends: Arc<PerBackend<Database>>,
}

struct Direction {
    shared: Arc<Shared>,
    task: Mutex<Option<Task>>,
}

/// What an applier shares with its waiters.
struct Shared {
    source: Backend,
    /// Wakes the applier: the source has pending entries.
    wake: tokio::sync::Notify,
    /// Wakes the applier: somebody waits until all entries that there are now are mirrored.
    hurry: tokio::sync::Notify,
    waiting: Waiting,
    progress: Progress,
    /// Whether the mirror is asked to stop.
    stopping: watch::Sender<bool>,
}

impl Shared {
    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits until the mirror is asked to stop.
    async fn stops(&self) {
        // This fails only if the sender is gone, and `self` holds the sender.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// Waits until somebody waits for pending entries to be mirrored.
    async fn hurried(&self) {
        tokio::select! {
            () = self.hurry.notified() => {}
            () = self.waiting.comes() => {}
        }
    }
}

impl Mirror {
    /// Starts both appliers under the supervisor. Needs a tokio runtime.
    #[must_use]
    pub fn start(
        backends: &Arc<PerBackend<Database>>,
        repositories: &Arc<[Repository]>,
        judge: &Arc<dyn Judge>,
        supervisor: &Supervisor,
    ) -> Self {
        let holder = Uuid::new_v4().simple().to_string();
        let directions = PerBackend::from_fn(|source| {
            let shared = Arc::new(Shared {
                source,
                wake: tokio::sync::Notify::new(),
                hurry: tokio::sync::Notify::new(),
                waiting: Waiting::new(),
                progress: Progress::new(repositories.len()),
                stopping: watch::Sender::new(false),
            });
            let applier = Applier {
                shared: Arc::clone(&shared),
                backends: Arc::clone(backends),
                repositories: Arc::clone(repositories),
                judge: Arc::clone(judge),
                holder: holder.clone(),
            };
            // It ends by itself when it is asked to stop.
            let task = supervisor.run(&format!("applier-{source}"), Need::Required, move || {
                applier.clone().run()
            });
            Direction {
                shared,
                task: Mutex::new(Some(task)),
            }
        });
        Self {
            directions,
            backends: Arc::clone(backends),
        }
    }

    /// Stops both appliers: each ends what it is at and gives its lease back, so that another host need not wait. Waits for at most
    /// `patience` for each applier.
    pub async fn stop(&self, patience: Duration) {
        for (_, direction) in self.directions.iter() {
            direction.shared.stopping.send_replace(true);
            direction.shared.wake.notify_one();
        }
        for (_, direction) in self.directions.iter() {
            if let Some(task) = direction.task.lock().await.take() {
                let _ = timeout(patience, task.ended()).await;
            }
        }
    }

    /// Why this host's applier could not read the rows of a repository on this side when it last tried; `None` if it could.
    #[must_use]
    pub fn stopped(&self, source: Backend, repository: RepositoryId) -> Option<String> {
        self.directions[source].shared.progress.stopped(repository)
    }

    /// Says that this side has pending entries. They are mirrored within milliseconds, together with entries that come meanwhile.
    pub fn wake(&self, source: Backend) {
        self.directions[source].shared.wake.notify_one();
    }

    /// Says that somebody waits for the pending entries of this side. The applier gathers no more of them first.
    pub fn hurry(&self, source: Backend) {
        self.directions[source].shared.hurry.notify_one();
    }

    /// Waits for at most `bound` until the keys that a transaction of this side made dirty are mirrored.
    pub async fn mirrored(&self, source: Backend, transaction: i64, bound: Duration) -> MirrorState {
        let shared = &self.directions[source].shared;
        shared
            .waiting
            .until_mirrored(&self.backends[source], transaction, bound, &shared.progress)
            .await
    }

    /// How the mirroring of a transaction of this side ended. `None` if it has not ended, or this host does not remember it.
    #[must_use]
    pub fn ended(&self, source: Backend, transaction: i64) -> Option<MirrorState> {
        self.directions[source].shared.waiting.ended(transaction)
    }

    /// How many rows of a repository this host's applier of this side has mirrored, and how fast.
    #[must_use]
    pub fn throughput(&self, source: Backend, repository: RepositoryId) -> Throughput {
        self.directions[source].shared.progress.throughput(repository)
    }

    /// Whether this host holds the lease of this side and mirrors its changes.
    #[must_use]
    pub fn is_at_work(&self, source: Backend) -> bool {
        self.directions[source].shared.progress.is_at_work()
    }
}
