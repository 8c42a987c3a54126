//! Keeps the mirror equal to the authority.
//!
//! A [`Mirror`] has one applier for each direction. It takes the keys that are dirty on one side, reads their rows as they are
//! now, makes the other side equal, and only then lets the keys go. It is state and not history: a repeat costs nothing but
//! time, and the order of delivery never matters. What is to become of a key is for the [`Judge`] to say: this crate knows
//! nothing of policies.
//!
//! - `applier` is the life of one direction: lease, batches, rest.
//! - `batch` sorts what was taken, and says what became of it.
//! - `waiting` lets a write wait until its own keys are mirrored.
//! - `compare` marks dirty what differs, before a repository counts as mirrored.
//! - `rewound` finds a side that was restored from the past.
//! - `numbers` sets sequences apart while both sides hand out numbers.

mod applier;
mod batch;
mod compare;
mod judge;
mod numbers;
mod order;
mod progress;
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
pub use compare::{Compared, Comparing, Differing, Looked, compare, differing};
pub use judge::{Judge, Verdict};
pub use numbers::{Numbered, Numbers, Unnumbered};
use progress::Progress;
pub use progress::Standing;
pub use rewound::rewound;
use waiting::Waiting;

/// The appliers of both directions. They end when this is dropped.
pub struct Mirror {
    /// By the side that is read.
    directions: PerBackend<Direction>,
    backends: Arc<PerBackend<Database>>,
}

struct Direction {
    shared: Arc<Shared>,
    task: Mutex<Option<Task>>,
}

/// What an applier shares with those that wait for it.
struct Shared {
    source: Backend,
    /// There are changes.
    wake: tokio::sync::Notify,
    /// Somebody waits for all changes that there are.
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
        // It fails only if the sender is gone, which is in `self`.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// Waits until somebody waits for changes.
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

    /// Has both appliers end what they are at and leave their leases, so that another host need not wait; for at most `patience`.
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

    /// Why the rows of a repository can't be read on this side now, if they can't; as far as this host mirrors them.
    #[must_use]
    pub fn stopped(&self, source: Backend, repository: RepositoryId) -> Option<String> {
        self.directions[source].shared.progress.stopped(repository)
    }

    /// Says that this side has dirty keys. They are mirrored within milliseconds, together with what comes meanwhile.
    pub fn wake(&self, source: Backend) {
        self.directions[source].shared.wake.notify_one();
    }

    /// Says that somebody waits for the dirty keys of this side.
    pub fn hurry(&self, source: Backend) {
        self.directions[source].shared.hurry.notify_one();
    }

    /// Waits until the keys that a transaction of this side made dirty are mirrored, for at most `bound`.
    pub async fn mirrored(&self, source: Backend, transaction: i64, bound: Duration) -> MirrorState {
        let shared = &self.directions[source].shared;
        shared
            .waiting
            .until_mirrored(&self.backends[source], transaction, bound, &shared.progress)
            .await
    }

    /// How the mirroring of what a transaction of this side changed has ended, if it has and this host remembers it.
    #[must_use]
    pub fn ended(&self, source: Backend, transaction: i64) -> Option<MirrorState> {
        self.directions[source].shared.waiting.ended(transaction)
    }

    /// How the mirroring of one repository's changes on this side goes, as far as this host does it.
    #[must_use]
    pub fn standing(&self, source: Backend, repository: RepositoryId) -> Standing {
        self.directions[source].shared.progress.standing(repository)
    }

    /// Whether this host mirrors the changes of this side.
    #[must_use]
    pub fn is_at_work(&self, source: Backend) -> bool {
        self.directions[source].shared.progress.is_at_work()
    }
}
