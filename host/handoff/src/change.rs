//! The change from one epoch to the next, during which only operations wait whose authority changes.
//!
//! - `advice` changes worlds that only advise, without a handoff.
//! - `handoff` takes a new set through a handoff: `allot` writes its epoch down, `steps` has what is done then, `conclude` ends it for
//!   this host's operations, `abandon` gives it up; `timings` measures it.

pub(crate) mod abandon;
pub(crate) mod advice;
pub(crate) mod allot;
pub(crate) mod conclude;
pub(crate) mod handoff;
pub(crate) mod steps;
pub(crate) mod timings;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use turnout_policies::{Freeze, Policies, PolicySet};
use turnout_vocabulary::Epoch;

use crate::change::advice::Advice;
use crate::change::handoff::Handoff;
use crate::change::timings::Timings;
use crate::learn::Learner;
use crate::obstacle::Obstacle;
use crate::record::Record;

/// How often a change is begun anew that another host overtook.
pub(crate) const ATTEMPTS: usize = 20;

/// Brings policy sets into force.
pub(crate) struct Changes {
    pub(crate) policies: Arc<Policies>,
    pub(crate) record: Arc<Record>,
    pub(crate) learner: Arc<Learner>,
    pub(crate) advice: Advice,
    pub(crate) handoff: Handoff,
    /// Lets one change of this host run at a time.
    pub(crate) turn: Arc<Mutex<()>>,
    /// How long operations may wait for a handoff before it is abandoned.
    pub(crate) budget: Duration,
}

impl Changes {
    /// Brings a set that passed its checks into force, by handoff; returns when that is over, and how long each part took. What was in force is in force again
    /// if that fails, under a newer epoch if the handoff had begun. A set that was made from that of an epoch is overtaken once
    /// there is a newer one. `because` is why a person wants authority to move to `new` although not all is so that this needs.
    pub(crate) async fn bring(
        &self,
        set: Arc<PolicySet>,
        base: Option<Epoch>,
        because: Option<&str>,
    ) -> Result<Timings, Obstacle> {
        for _ in 0..ATTEMPTS {
            let turn = Arc::clone(&self.turn).lock_owned().await;
            // A side that can't be asked now is met again at the steps that need it.
            let _ = self.learner.learn().await;
            let now = self.policies.in_force();
            if base.is_some_and(|base| base != now.epoch) {
                return Err(Obstacle::Overtaken);
            }
            if now.epoch > Epoch::new(0)
                && now.is_of(&set.files)
                && now.forced.is_none()
                && self.record.is_there().await
            {
                return Ok(Timings::default());
            }
            if !now.leaving.is_empty() {
                // Another host's handoff; whoever finds it unfinished needs the turn.
                drop(turn);
                self.policies
                    .wait_until(self.budget, |now| now.leaving.is_empty())
                    .await;
                continue;
            }
            let only_advises =
                now.epoch > Epoch::new(0) && set.only_advises_otherwise_than(&now) && self.record.is_there().await;
            let done = if only_advises {
                self.advice.bring(&now, &set).await.map(|()| Timings::default())
            } else {
                self.handoff.run(turn, &now, &set, because).await
            };
            match done {
                Err(Obstacle::Overtaken) => {}
                done => return done,
            }
        }
        Err(Obstacle::Overtaken)
    }

    /// Has every host refuse the application's writes, for this reason, or let them in again; returns when no write of before can commit
    /// any more. The policies stay.
    pub(crate) async fn freeze(&self, frozen: Option<&Arc<Freeze>>) -> Result<(), Obstacle> {
        for _ in 0..ATTEMPTS {
            let turn = Arc::clone(&self.turn).lock_owned().await;
            // A side that can't be asked now is met again at the steps that need it.
            let _ = self.learner.learn().await;
            let now = self.policies.in_force();
            if !now.leaving.is_empty() {
                drop(turn);
                self.policies
                    .wait_until(self.budget, |now| now.leaving.is_empty())
                    .await;
                continue;
            }
            if now.frozen.is_some() == frozen.is_some() {
                return Ok(());
            }
            if now.forced.is_some() {
                return Err(Obstacle::Because(
                    "a forced failover is in force; end it by a change of routing.toml first".to_owned(),
                ));
            }
            match self.handoff.freeze(turn, &now, frozen.cloned()).await {
                Err(Obstacle::Overtaken) => {}
                done => return done,
            }
        }
        Err(Obstacle::Overtaken)
    }
}
