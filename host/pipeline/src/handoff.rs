//! The change from one epoch to the next, during which only operations wait whose authority changes.
//!
//! Everything here is monotone: epochs only grow, a fence is only raised, a release stays true. So a host that dies or
//! sleeps at any step leaves nothing that another could not finish, and locks are for efficiency only.
//!
//! - `breaker` takes back policies that keep failing.
//! - `change` takes a new set through the handoff, or abandons it.
//! - `direct` tells of rows that were written directly while they changed hands.
//! - `drained` waits until nothing of past epochs is left that would change hands.
//! - `gaps` knows of which repositories changes may not all have been captured.
//! - `exam` asks a set about every subject before it comes into force.
//! - `gate` says whether a set may come into force at all.
//! - `held_up` names what a handoff waits for.
//! - `follow` learns of epochs that other hosts made, and finishes what they left.
//! - `failover` moves authority away from a dead side, `rejoin` takes a side in again that was away, `restored` one that was restored from
//!   the past.
//! - `converge` compares both sides when mirroring begins.
//! - `numbers` sets sequences apart while both sides hand out numbers.
//! - `observe` keeps in view how far the mirror is behind.
//! - `ship` brings versions into force that somebody pushed, activated or took back.
//! - `judge` tells the mirror what is to become of dirty keys.
//! - `apply` makes another description of the site the one on record.
//! - `site` compares this host's configuration with the description of the site on record.
//! - `directory` tells a policy directory that is old from one that holds a change.

mod apply;
mod breaker;
mod change;
mod converge;
mod direct;
mod directory;
mod drained;
mod exam;
mod failover;
mod follow;
mod foresee;
mod gaps;
mod gate;
mod held_up;
mod judge;
mod numbers;
mod observe;
mod record;
mod rejoin;
mod restored;
mod ship;
mod site;
mod verdict;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{Mutex, RwLock};
use tokio::time::timeout;
use turnout_backends::{Database, KeptSets, Rewound};
use turnout_mirror::{Mirror, Unnumbered};
use turnout_supervisor::{Need, Supervisor};
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository, SubjectRule};

pub use apply::{Capture, NotApplied, recorded_site};
pub use converge::Comparison;
pub use directory::recorded_set;
pub use failover::{AtStake, Failover, NoFailover};
use held_up::HeldUp;
pub use judge::PolicyJudge;
pub use observe::{ParkedFor, Seen};
pub use restored::{NotRejoined, Rejoined};
pub use ship::{NotShipped, Shipment, ShippedTrial, ShippedVersion, ShownEpoch, ShownTrial, ShownVersion, VersionDiff};
pub use site::SiteDescription;
pub use watch::watch;

use crate::{Alerts, BreakerLimits, Policies, RecordingKey};

/// How long the appliers may take to give back their leases when the host stops, at most.
const LEASES_LEFT: Duration = Duration::from_secs(2);

/// Brings policy sets into force.
pub struct Handoffs {
    /// The policies.
    pub policies: Arc<Policies>,
    backends: Arc<PerBackend<Database>>,
    mirror: Arc<Mirror>,
    alerts: Arc<Alerts>,
    repositories: Arc<[Repository]>,
    rule: SubjectRule,
    /// Names subjects in words for people.
    names: RecordingKey,
    /// What this host records as the description of the site, and expects of every epoch.
    site: ArcSwap<SiteDescription>,
    /// How long operations may wait for one.
    budget: Duration,
    /// How much of the past stays on record.
    kept: KeptSets,
    supervisor: Supervisor,
    /// Lets one change of this host run at a time.
    one: Arc<Mutex<()>>,
    /// Held for writing while this host writes down the epoch of a handoff that it begins.
    allotting: RwLock<()>,
    /// Lets one comparison of this host run at a time.
    converging: Mutex<()>,
    /// The comparison under way.
    comparison: ArcSwapOption<Comparison>,
    /// What the handoff under way waits for.
    held_up: HeldUp,
    /// How the mirroring of each side stood when it was last seen.
    seen: PerBackend<ArcSwapOption<Seen>>,
    /// The side that was found to be restored from the past.
    restored: ArcSwapOption<Rewound>,
    /// The sequences that did not count as they must when they were last looked at.
    unnumbered: ArcSwap<Vec<Unnumbered>>,
}

/// Why a set did not come into force.
#[derive(Debug, thiserror::Error)]
enum Obstacle {
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
    Refused(#[from] crate::Refused),
    /// The record describes another site than the configuration of this host.
    #[error("{0}")]
    OtherSite(String),
}

impl Handoffs {
    /// What brings sets into force on these backends. Subjects are found by the rule, and named to people by the key. `budget` is
    /// how long operations may wait for a handoff before it is abandoned.
    #[must_use]
    pub fn new(
        policies: Arc<Policies>,
        backends: Arc<PerBackend<Database>>,
        mirror: Arc<Mirror>,
        alerts: Arc<Alerts>,
        repositories: Arc<[Repository]>,
        (rule, names): (SubjectRule, RecordingKey),
        budget: Duration,
    ) -> Self {
        let site = ArcSwap::from_pointee(SiteDescription::of(&repositories, &rule));
        Self {
            policies,
            backends,
            mirror,
            alerts,
            repositories,
            rule,
            names,
            site,
            budget,
            kept: KeptSets::default(),
            supervisor: Supervisor::default(),
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

    /// The same, with so much of the past kept on record that can be brought back.
    #[must_use]
    pub fn keeping(self, kept: KeptSets) -> Self {
        Self { kept, ..self }
    }

    /// The same, with its tasks under this supervisor.
    #[must_use]
    pub fn supervised_by(self, supervisor: Supervisor) -> Self {
        Self { supervisor, ..self }
    }

    /// Starts what a host does beside its requests, for as long as it lives. Must be called inside a tokio runtime.
    pub fn work(self: &Arc<Self>, breaker: BreakerLimits) {
        self.keep("epochs", Need::Required, Self::follow);
        self.keep("mirror-standing", Need::Optional, Self::observe);
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
    async fn is_installed(&self, backend: Backend) -> Result<bool, turnout_backends::Error> {
        Ok(self.backends[backend].schema().await?.installed)
    }

    /// The newest epoch that either side knows of.
    async fn newest(&self) -> Result<Option<Epoch>, turnout_backends::Error> {
        let (old, new) = tokio::try_join!(self.backends.old.newest_epochs(), self.backends.new.newest_epochs())?;
        Ok(old.newest.max(new.newest))
    }
}
