use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, sleep, timeout};
use turnout_backends::{EpochRecord, Error as BackendError};
use turnout_vocabulary::{Backend, Epoch, Span};

use super::gate::Passed;
use super::{Handoffs, Obstacle, record};
use crate::PolicySet;
use crate::policies::{Era, InForce};

/// How often a change is begun anew that another host overtook.
pub(super) const ATTEMPTS: usize = 20;

/// How much longer than its budget a handoff of another host may take before this one abandons it.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// How long a side rests before a step is tried again that failed there.
const PAUSE: Duration = Duration::from_millis(50);

impl Handoffs {
    /// Brings a set that passed its checks into force, by handoff; returns when that is over. What was in force is in force again
    /// if that fails, under a newer epoch if the handoff had begun. A set that was made from that of an epoch is overtaken once
    /// there is a newer one.
    pub(super) async fn bring(self: &Arc<Self>, set: Arc<PolicySet>, base: Option<Epoch>) -> Result<(), Obstacle> {
        for _ in 0..ATTEMPTS {
            let turn = Arc::clone(&self.one).lock_owned().await;
            // A side that can't be asked now is met again at the steps that need it.
            let _ = self.learn().await;
            let now = self.policies.in_force();
            if base.is_some_and(|base| base != now.epoch) {
                return Err(Obstacle::Overtaken);
            }
            if now.epoch > Epoch::new(0) && now.is_of(&set.files) && now.forced.is_none() && self.is_recorded().await {
                return Ok(());
            }
            if !now.leaving.is_empty() {
                // Another host's handoff; whoever finds it unfinished needs the turn.
                drop(turn);
                self.policies
                    .wait_until(self.budget, |now| now.leaving.is_empty())
                    .await;
                continue;
            }
            match self.attempt(turn, &now, &set).await {
                Err(Obstacle::Overtaken) => {}
                done => return done,
            }
        }
        Err(Obstacle::Overtaken)
    }

    /// Whether there is a record of what is in force, or none can be had before Turnout is installed.
    pub(super) async fn is_recorded(&self) -> bool {
        for backend in Backend::ALL {
            if !matches!(self.is_installed(backend).await, Ok(true)) {
                return true;
            }
        }
        !matches!(self.newest().await, Ok(None))
    }

    /// One attempt. An abandonment keeps the turn until it is over.
    async fn attempt(
        self: &Arc<Self>,
        turn: OwnedMutexGuard<()>,
        now: &InForce,
        set: &Arc<PolicySet>,
    ) -> Result<(), Obstacle> {
        self.refuse_restored().await?;
        if now.forced.is_some() {
            self.rejoin(now).await?;
        }
        let Some(passed) = self.gate(now, set).await? else {
            let era = Era {
                epoch: now.epoch.next(),
                set: Arc::clone(set),
                forced: None,
            };
            self.policies.put_in_force(InForce::steady(era, Vec::new()));
            self.policies.metrics.policies.reloaded(Duration::ZERO);
            return Ok(());
        };
        let began = Instant::now();
        let next = self.allot(now, set, &passed).await?;
        let epoch = next.epoch;
        self.policies.put_in_force(next.clone());
        let outcome = timeout(self.budget, self.carry_through(Some((now, &passed)), &next)).await;
        let obstacle = match outcome {
            Ok(Ok(())) => {
                self.settle(&next);
                // The first policies change nothing.
                if now.epoch > Epoch::new(0) {
                    self.policies.metrics.policies.reloaded(began.elapsed());
                }
                return Ok(());
            }
            Ok(Err(obstacle)) => obstacle,
            Err(_) => Obstacle::Because(format!(
                "the handoff to epoch {epoch} took longer than {:?} and was abandoned: {}",
                self.budget,
                self.why_not_drained(&next).await
            )),
        };
        tracing::warn!(%epoch, %obstacle, "handoff abandoned");
        let (handoffs, base) = (Arc::clone(self), now.clone());
        tokio::spawn(async move { handoffs.abandon(turn, base, next).await });
        Err(obstacle)
    }

    /// Writes the next epoch down on both sides, `old` first: there only one host gets the number.
    pub(super) async fn allot(
        &self,
        now: &InForce,
        set: &Arc<PolicySet>,
        passed: &Passed,
    ) -> Result<InForce, Obstacle> {
        // An epoch that this host has not heard of may have moved what it takes for settled.
        if self.newest().await?.is_some_and(|newest| newest > now.epoch) {
            return Err(Obstacle::Overtaken);
        }
        let era = Era {
            epoch: now.epoch.next(),
            set: Arc::clone(set),
            forced: None,
        };
        let allotting = self.allotting.write().await;
        let written = self
            .write_down(&era, &passed.converged, Some(&now.era), &Backend::ALL)
            .await;
        drop(allotting);
        if written.is_err() {
            // One side may have it, and what it called was not listened to.
            self.policies.look();
        }
        written?;
        Ok(InForce {
            era,
            leaving: vec![now.era.clone()],
            converged: passed.converged.clone(),
        })
    }

    pub(super) async fn write_down(
        &self,
        era: &Era,
        converged: &[String],
        known: Option<&Era>,
        on: &[Backend],
    ) -> Result<(), Obstacle> {
        let record = EpochRecord {
            epoch: era.epoch,
            set: record::of(&era.set),
            forced: era.forced,
            released: false,
            age: Duration::ZERO,
            converged: converged.to_vec(),
            site: Some(self.site.load().to_json()),
        };
        let modules = record::modules(&era.set, known);
        for backend in on {
            if !self.backends[*backend]
                .record_epoch(&record, &modules, self.kept)
                .await?
            {
                return Err(Obstacle::Overtaken);
            }
        }
        Ok(())
    }

    /// The steps of a handoff: both fences, the drain, the proof where one is needed, the release. An abandonment comes from
    /// nowhere and needs no proof: it goes back to where everything was.
    async fn carry_through(&self, before: Option<(&InForce, &Passed)>, next: &InForce) -> Result<(), Obstacle> {
        for backend in sides(next) {
            self.raise_fence(backend, next.epoch).await?;
        }
        self.drain(next).await?;
        self.refuse_restored().await?;
        if let Some((now, passed)) = before {
            let unproven = self.unproven(now, &next.era, passed).await?;
            self.prove_equal(next, &unproven).await?;
        }
        self.release(next.epoch).await?;
        self.remember(&next.era).await;
        Ok(())
    }

    /// Raises a fence, and ends those sessions of Turnout that hold it up.
    pub(super) async fn raise_fence(&self, backend: Backend, epoch: Epoch) -> Result<(), Obstacle> {
        let database = &self.backends[backend];
        loop {
            match database.raise_fence(epoch).await {
                Ok(()) => return Ok(()),
                Err(BackendError::Database(error)) if error.sqlstate == "55P03" => {
                    let ended = database.end_holders(epoch).await?;
                    tracing::warn!(%backend, %epoch, ended, "transactions that had begun under an older epoch hold up the fence");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Notes the release on both sides. It is a fact already: one side that knows it is enough.
    pub(super) async fn release(&self, epoch: Epoch) -> Result<(), Obstacle> {
        let (old, new) = tokio::join!(
            self.backends.old.release_epoch(epoch),
            self.backends.new.release_epoch(epoch)
        );
        old.or(new).map_err(Obstacle::from)
    }

    /// Ends the handoff for this host's operations.
    pub(super) fn settle(self: &Arc<Self>, next: &InForce) {
        let steady = InForce::steady(next.era.clone(), next.converged.clone());
        self.policies.put_in_force(steady);
        self.converge_soon();
    }

    /// Puts the set of `base` in force again, under a newer epoch: a handoff like any other, but one that is not given up.
    pub(super) async fn abandon(self: Arc<Self>, _turn: OwnedMutexGuard<()>, base: InForce, failed: InForce) {
        let mut leaving = failed.leaving.clone();
        leaving.push(failed.era.clone());
        let next = InForce {
            era: Era {
                epoch: failed.epoch.next(),
                ..base.era.clone()
            },
            leaving,
            converged: base.converged.clone(),
        };
        let mut written = false;
        // A forced failover may have come between.
        while self.policies.in_force().epoch <= next.epoch {
            let step = async {
                if !written {
                    self.write_down(&next.era, &next.converged, Some(&base.era), &Backend::ALL)
                        .await?;
                    written = true;
                    self.policies.put_in_force(next.clone());
                }
                self.carry_through(None, &next).await
            };
            match step.await {
                Ok(()) => {
                    self.settle(&next);
                    return;
                }
                // Somebody else sees to it; if they don't, it is found unfinished.
                Err(Obstacle::Overtaken) => return,
                Err(obstacle) => tracing::debug!(epoch = %next.epoch, %obstacle, "the abandonment waits"),
            }
            sleep(PAUSE).await;
        }
    }
}

/// Both sides, first the one that loses authority.
fn sides(next: &InForce) -> [Backend; 2] {
    let weight = |era: &Era, side: Backend| -> usize {
        let spans = era.set.spans();
        spans
            .filter(|span| matches!(span, Span::Both) || *span == Span::One(side))
            .count()
    };
    let before = next.leaving.last().map_or(0, |era| weight(era, Backend::New));
    if before > weight(&next.era, Backend::New) {
        [Backend::New, Backend::Old]
    } else {
        Backend::ALL
    }
}
