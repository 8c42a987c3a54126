use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{Mutex, RwLock};
use tokio::time::timeout;
use turnout_alerts::Alerts;
use turnout_backends::{Database, KeptSets, Rewound};
use turnout_mirror::{Mirror, Unnumbered};
use turnout_policies::{BreakerLimits, Policies};
use turnout_supervisor::{Need, Supervisor};
use turnout_vocabulary::{Backend, Epoch, PerBackend, RecordingKey, Repository, SubjectRule};

use crate::held_up::HeldUp;
use crate::{Comparison, MirrorMetrics, Seen, SiteDescription};

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
}

/// Brings policy sets into force.
pub struct Handoffs {
    pub(crate) parts: Parts,
    /// What this host records as the description of the site, and expects of every epoch.
    pub(crate) site: ArcSwap<SiteDescription>,
    /// Lets one change of this host run at a time.
    pub(crate) one: Arc<Mutex<()>>,
    /// Held for writing while this host writes down the epoch of a handoff that it begins.
    pub(crate) allotting: RwLock<()>,
    /// Lets one comparison of this host run at a time.
    pub(crate) converging: Mutex<()>,
    /// The comparison under way.
    pub(crate) comparison: ArcSwapOption<Comparison>,
    /// What the handoff under way waits for.
    pub(crate) held_up: HeldUp,
    /// How the mirroring of each side stood when it was last seen.
    pub(crate) seen: PerBackend<ArcSwapOption<Seen>>,
    /// The side that was found to be restored from the past.
    pub(crate) restored: ArcSwapOption<Rewound>,
    /// The sequences that did not count as they must when they were last looked at.
    pub(crate) unnumbered: ArcSwap<Vec<Unnumbered>>,
}

impl Deref for Handoffs {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// Why a set did not come into force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Obstacle {
    /// Another host made an epoch at the same time.
    #[error("another host changed the policies at the same time; they are looked at again")]
    Overtaken,
    /// A backend could not be asked.
    #[error("{0}; the change is abandoned, and can be made again when that is mended")]
    Backend(#[from] turnout_backends::Error),
    /// A policy failed to answer.
    #[error("{0}")]
    Policy(#[from] turnout_runtime::CallError),
    /// The record describes another site than the configuration of this host.
    #[error("{0}")]
    OtherSite(String),
    /// Anything else, in words.
    #[error("{0}")]
    Because(String),
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
    /// What brings sets into force with these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let site = ArcSwap::from_pointee(SiteDescription::of(&parts.repositories, &parts.rule));
        Self {
            parts,
            site,
            one: Arc::new(Mutex::new(())),
            allotting: RwLock::new(()),
            converging: Mutex::new(()),
            comparison: ArcSwapOption::empty(),
            held_up: HeldUp::default(),
            seen: PerBackend::default(),
            restored: ArcSwapOption::empty(),
            unnumbered: ArcSwap::default(),
        }
    }

    /// What a handoff of this host waits for, in words without personal data; `None` while it waits for nothing.
    #[must_use]
    pub fn held_up_by(&self) -> Option<String> {
        self.held_up.reason()
    }

    /// Waits until the handoff of this host that is under way, if any, is released or abandoned, begins none from then on, and gives
    /// the leases of the mirror back, so that other hosts take over at once; all within this time. A handoff whose abandonment can't be
    /// recorded is left to the other hosts, or to the next start.
    pub async fn stop(&self, within: Duration) {
        let for_leases = LEASES_LEFT.min(within / 2);
        let for_handoff = self.patience().min(within.saturating_sub(for_leases));
        if let Ok(turn) = timeout(for_handoff, Arc::clone(&self.one).lock_owned()).await {
            // The turn is never given back.
            std::mem::forget(turn);
        } else {
            tracing::warn!("a handoff is left unfinished: it can't be abandoned while backend old is down");
        }
        self.mirror.stop(for_leases).await;
    }

    /// Starts the tasks that a host needs beside its requests, for as long as it lives. Must be called inside a tokio runtime.
    pub fn work(self: &Arc<Self>, breaker: BreakerLimits) {
        self.keep("epochs", Need::Required, Self::follow);
        self.keep("mirror-standing", Need::Optional, Self::observe);
        self.keep("policy-failures", Need::Optional, Self::tell_of_policy_failures);
        self.keep("outages", Need::Optional, Self::watch_for_outages);
        self.keep("restored-sides", Need::Optional, Self::watch_for_restored_sides);
        self.keep("breaker", Need::Optional, move |handoffs| {
            handoffs.break_circuits(breaker)
        });
    }

    fn keep<F>(self: &Arc<Self>, name: &str, need: Need, work: impl Fn(Arc<Self>) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let handoffs = Arc::clone(self);
        let task = self.supervisor.keep(name, need, move || work(Arc::clone(&handoffs)));
        task.detach();
    }

    /// How long an operation waits for a handoff at most: for the handoff itself, and for its abandonment.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.budget * 2
    }

    /// Whether Turnout is installed on a side; an error while that is not known.
    pub(crate) async fn is_installed(&self, backend: Backend) -> Result<bool, turnout_backends::Error> {
        Ok(self.backends[backend].schema().await?.installed)
    }

    /// The newest epoch that either side knows of.
    pub(crate) async fn newest(&self) -> Result<Option<Epoch>, turnout_backends::Error> {
        let (old, new) = tokio::try_join!(self.backends.old.newest_epochs(), self.backends.new.newest_epochs())?;
        Ok(old.newest.max(new.newest))
    }
}
