//! Puts the parts together: `assembly` gives each of them what it needs.

mod assembly;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;
use turnout_alerts::Alerts;
use turnout_backends::{Database, KeptSets, Rewound};
use turnout_mirror::{Mirror, Unnumbered};
use turnout_policies::{BreakerLimits, Policies};
use turnout_supervisor::{Need, Supervisor, Task};
use turnout_vocabulary::{Backend, Epoch, FunctionRule, PerBackend, RecordingKey, Repository, SubjectRule};

use crate::apply::Description;
use crate::change::Changes;
use crate::compare::comparer::{Comparer, Comparison};
use crate::compare::converge::Convergence;
use crate::follow::Follower;
use crate::freeze::Freezing;
use crate::gate::promotion::PromotionRules;
use crate::held_up::HeldUp;
use crate::learn::Learner;
use crate::metrics::MirrorMetrics;
use crate::numbers::Sequences;
use crate::observe::Observer;
use crate::obstacle::Obstacle;
use crate::outages::Outages;
use crate::record::past::PastSets;
use crate::seen::{LastSeen, Seen};
use crate::ship::Shipping;
use crate::ship::breaker::Breaker;
use crate::ship::foresee::Foresight;
use crate::ship::history::History;
use crate::sides::failover::ForcedFailover;
use crate::sides::reinstate::Reinstatement;
use crate::sides::restored::RestoredSide;
use crate::watch::DirectoryWatch;

/// How long the appliers may take to give back their leases when the host stops, at most.
const LEASES_LEFT: Duration = Duration::from_secs(2);

/// What a handoff works with.
pub struct Parts {
    /// The policies.
    pub policies: Arc<Policies>,
    /// The two databases.
    pub backends: Arc<PerBackend<Database>>,
    /// What keeps them equal.
    pub mirror: Arc<Mirror>,
    /// What people should hear of.
    pub alerts: Arc<Alerts>,
    /// Where the mirror stands, for people.
    pub metrics: Arc<MirrorMetrics>,
    /// The tables served.
    pub repositories: Arc<[Repository]>,
    /// What is configured of functions, by name.
    pub functions: BTreeMap<String, FunctionRule>,
    /// How subjects are found in texts.
    pub rule: SubjectRule,
    /// Runs the tasks of the handoffs.
    pub supervisor: Supervisor,
    /// Names subjects in words for people.
    pub names: RecordingKey,
    /// How long operations may wait for a handoff before it is abandoned.
    pub budget: Duration,
    /// How long changes may wait to be mirrored before people hear of it.
    pub mirror_age: Duration,
    /// How much of the past stays on record, so that it can be brought back.
    pub kept: KeptSets,
    /// What a move of authority to `new` needs.
    pub promotion: PromotionRules,
    /// The machine that this host runs on, for the evidence.
    pub host: String,
}

/// Everything that changes which policies are in force, put together.
pub struct Handoffs {
    /// Brings versions into force.
    pub shipping: Arc<Shipping>,
    /// What is and was in force.
    pub history: Arc<History>,
    /// What would hold up a change.
    pub foresight: Foresight,
    /// Moves authority away from a dead side.
    pub failover: ForcedFailover,
    /// Makes one side's rows count after a restore.
    pub reinstatement: Reinstatement,
    /// Has the application's writes refused, and let in again.
    pub freezing: Freezing,
    /// Makes another description of the site the one on record.
    pub description: Description,
    /// The policies in force.
    pub policies: Arc<Policies>,
    mirror: Arc<Mirror>,
    supervisor: Supervisor,
    alerts: Arc<Alerts>,
    learner: Arc<Learner>,
    past: Arc<PastSets>,
    convergence: Arc<Convergence>,
    changes: Arc<Changes>,
    follower: Arc<Follower>,
    observer: Arc<Observer>,
    outages: Arc<Outages>,
    restored: Arc<RestoredSide>,
    watch: Arc<DirectoryWatch>,
    comparer: Arc<Comparer>,
    sequences: Arc<Sequences>,
    last_seen: Arc<LastSeen>,
    held_up: Arc<HeldUp>,
    turn: Arc<Mutex<()>>,
    budget: Duration,
}

/// Why a host did not begin to serve.
#[derive(Debug, thiserror::Error)]
pub enum NotBegun {
    /// The policies of the directory are refused.
    #[error(transparent)]
    Refused(#[from] turnout_policies::Refused),
    /// The record describes another site than the configuration of this host.
    #[error("{0}")]
    OtherSite(String),
}

impl Handoffs {
    /// Puts in force what the databases say is; where they know of nothing, the set of the directory, by a first handoff.
    ///
    /// # Errors
    /// [`NotBegun`] if the set of the directory is refused, or the record describes another site.
    pub async fn begin(&self) -> Result<(), NotBegun> {
        match self.learner.learn().await {
            Ok(()) => {}
            Err(Obstacle::OtherSite(reason)) => return Err(NotBegun::OtherSite(reason)),
            Err(error) => {
                tracing::warn!(%error, "what is in force can't be known yet; nothing is written until it is");
                return Ok(());
            }
        }
        let in_force = self.policies.in_force();
        if in_force.epoch > Epoch::new(0) {
            self.past.set_old_directory_aside().await;
            self.convergence.converge_soon();
            return Ok(());
        }
        match self.changes.bring(Arc::clone(&in_force.set), None, None).await {
            // The side that is there is served meanwhile: it accepts what no epoch was recorded for yet.
            Err(Obstacle::Backend(error)) => tracing::warn!(%error, "the first policies wait for both sides"),
            brought => drop(brought.map_err(|obstacle| self.policies.refuse(&obstacle))?),
        }
        Ok(())
    }

    /// Waits until the handoff of this host that is under way, if any, is released or abandoned, begins none from then on, and gives
    /// the leases of the mirror back, so that other hosts take over at once; all within this time. A handoff whose abandonment can't be
    /// recorded is left to the other hosts, or to the next start.
    pub async fn stop(&self, within: Duration) {
        let for_leases = LEASES_LEFT.min(within / 2);
        let for_handoff = self.patience().min(within.saturating_sub(for_leases));
        if let Ok(turn) = timeout(for_handoff, Arc::clone(&self.turn).lock_owned()).await {
            // The turn is never given back.
            std::mem::forget(turn);
        } else {
            tracing::warn!("a handoff is left unfinished: it can't be abandoned while backend old is down");
        }
        self.mirror.stop(for_leases).await;
    }

    /// Starts the tasks that a host needs beside its requests, for as long as it lives. Must be called inside a tokio runtime.
    pub fn work(&self, limits: BreakerLimits) {
        let breaker = Arc::new(Breaker {
            policies: Arc::clone(&self.policies),
            shipping: Arc::clone(&self.shipping),
            alerts: Arc::clone(&self.alerts),
            limits,
        });
        self.keep("epochs", Need::Required, &self.follower, Follower::follow);
        self.keep("mirror-standing", Need::Optional, &self.observer, Observer::observe);
        self.keep("restored-sides", Need::Optional, &self.restored, RestoredSide::watch);
        self.keep("breaker", Need::Optional, &breaker, Breaker::break_circuits);
        self.keep("policy-failures", Need::Optional, &breaker, Breaker::tell_of_failures);
        self.keep("outages", Need::Optional, &self.outages, Outages::watch);
    }

    fn keep<T, F>(&self, name: &str, need: Need, part: &Arc<T>, work: fn(Arc<T>) -> F)
    where
        T: Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let part = Arc::clone(part);
        let task = self.supervisor.keep(name, need, move || work(Arc::clone(&part)));
        task.detach();
    }

    /// Watches the directory of the policies, and has what changes there come into force, until the task is dropped.
    ///
    /// # Errors
    /// If the system refuses to watch the directory. Must be called inside a tokio runtime.
    pub fn watch(&self) -> Result<Task, notify::Error> {
        self.watch.start()
    }

    /// How long an operation waits for a handoff at most: for the handoff itself, and for its abandonment.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.budget * 2
    }

    /// What a handoff of this host waits for, in words without personal data; `None` while it waits for nothing.
    #[must_use]
    pub fn held_up_by(&self) -> Option<String> {
        self.held_up.reason()
    }

    /// How the mirroring of one side's changes stood when it was last seen.
    #[must_use]
    pub fn seen(&self, backend: Backend) -> Option<Arc<Seen>> {
        self.last_seen.of(backend)
    }

    /// The comparison of this host that is under way, if one is.
    #[must_use]
    pub fn comparison(&self) -> Option<Arc<Comparison>> {
        self.comparer.under_way()
    }

    /// The side that was found to be restored from the past, until a person said which side's rows count.
    #[must_use]
    pub fn restored(&self) -> Option<Arc<Rewound>> {
        self.restored.found()
    }

    /// The sequences that did not count as they must when they were last looked at.
    #[must_use]
    pub fn unnumbered(&self) -> Arc<Vec<Unnumbered>> {
        self.sequences.unnumbered()
    }
}
