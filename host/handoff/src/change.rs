use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, sleep, timeout};
use turnout_alerts::{Cause, Component, Kind};
use turnout_policies::{Era, InForce, PolicySet};
use turnout_supervisor::Need;
use turnout_vocabulary::{Backend, Epoch, Span};

use crate::gate::Passed;
use crate::{Handoffs, Obstacle, record};

/// How often a change is begun anew that another host overtook.
pub(crate) const ATTEMPTS: usize = 20;

/// How much longer than its budget a handoff of another host may take before this one abandons it.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// How long a side rests before a step is tried again that failed there.
const PAUSE: Duration = Duration::from_millis(50);

impl Handoffs {
    /// Brings a set that passed its checks into force, by handoff; returns when that is over. What was in force is in force again
    /// if that fails, under a newer epoch if the handoff had begun. A set that was made from that of an epoch is overtaken once
    /// there is a newer one.
    pub(crate) async fn bring(self: &Arc<Self>, set: Arc<PolicySet>, base: Option<Epoch>) -> Result<(), Obstacle> {
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
    pub(crate) async fn is_recorded(&self) -> bool {
        for backend in Backend::ALL {
            if !matches!(self.is_installed(backend).await, Ok(true)) {
                return true;
            }
        }
        !matches!(self.newest().await, Ok(None))
    }

    /// One attempt. It keeps the turn until it is over, also if the abandonment has to wait for `old`.
    async fn attempt(
        self: &Arc<Self>,
        turn: OwnedMutexGuard<()>,
        now: &InForce,
        set: &Arc<PolicySet>,
    ) -> Result<(), Obstacle> {
        if now.epoch > Epoch::new(0) && set.only_advises_otherwise_than(now) && self.is_recorded().await {
            return self.advise(now, set).await;
        }
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
            self.policies.metrics.reloaded(Duration::ZERO);
            return Ok(());
        };
        let began = Instant::now();
        let next = self.allot(now, set, &passed).await?;
        let epoch = next.epoch;
        self.policies.put_in_force(next.clone());
        let outcome = timeout(self.budget, self.carry_through((now, &passed), &next)).await;
        let held_up = self.held_up.end();
        let obstacle = match outcome {
            Ok(Ok(())) => {
                self.conclude(&next);
                // The first policies change nothing.
                if now.epoch > Epoch::new(0) {
                    self.policies.metrics.reloaded(began.elapsed());
                }
                return Ok(());
            }
            Ok(Err(obstacle)) => obstacle,
            Err(_) => Obstacle::Because(format!(
                "the handoff to epoch {epoch} took longer than {:?} and was abandoned: {}",
                self.budget,
                held_up.unwrap_or_else(|| "a backend did not answer in time".to_owned())
            )),
        };
        self.give_up(turn, now, &next, obstacle).await
    }

    /// Writes the next epoch down on both sides, `old` first: there only one host gets the number.
    pub(crate) async fn allot(
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

    pub(crate) async fn write_down(
        &self,
        era: &Era,
        converged: &[String],
        known: Option<&Era>,
        on: &[Backend],
    ) -> Result<(), Obstacle> {
        let record = record::epoch(era, converged, &self.site.load());
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

    /// The steps of a handoff: both fences, the drain, the sequences, the proof where one is needed, the release.
    async fn carry_through(&self, (now, passed): (&InForce, &Passed), next: &InForce) -> Result<(), Obstacle> {
        for backend in sides(next) {
            self.raise_fence(backend, next.epoch).await?;
        }
        tokio::try_join!(self.drain(next), self.set_numbers_apart(next))?;
        self.refuse_restored().await?;
        let unproven = self.unproven(now, &next.era, passed).await?;
        self.prove_equal(next, &unproven).await?;
        let direct = self.direct_writes(next).await?;
        self.set_numbers_back(next).await;
        self.release(next.epoch).await?;
        self.tell_of_direct_writes(direct);
        self.remember(&next.era).await;
        Ok(())
    }

    /// Raises a fence and waits for the writes that were let in before. Ends those sessions of Turnout that hold it up; those
    /// of others are named.
    pub(crate) async fn raise_fence(&self, backend: Backend, epoch: Epoch) -> Result<(), Obstacle> {
        let database = &self.backends[backend];
        database.raise_fence(epoch).await?;
        loop {
            match database.await_fence(epoch).await {
                Ok(()) => {
                    self.held_up.by_nothing();
                    return Ok(());
                }
                Err(error) if error.is_lock_timeout() => {
                    let ended = database.end_holders(epoch).await?;
                    let holders = database.fence_holders(epoch).await?;
                    tracing::debug!(%backend, %epoch, ended, "open transactions hold up the fence");
                    self.held_up.by_transactions(backend, &holders);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Releases an epoch. `old` decides whether it still can be released; the other side only notes it, now or in
    /// [`rejoin`](Self::rejoin).
    pub(crate) async fn release(&self, epoch: Epoch) -> Result<(), Obstacle> {
        if !self.backends.old.release_epoch(epoch).await? {
            return Err(Obstacle::Because(format!(
                "the handoff to epoch {epoch} was abandoned by another host, as it took too long; make the change again"
            )));
        }
        if let Err(error) = self.backends.new.note_released(epoch).await {
            tracing::debug!(%epoch, %error, "backend new does not know yet that the epoch is released");
        }
        Ok(())
    }

    /// Ends the handoff for this host's operations.
    pub(crate) fn conclude(self: &Arc<Self>, next: &InForce) {
        let steady = InForce::steady(next.era.clone(), next.converged.clone());
        self.policies.put_in_force(steady);
        self.converge_soon();
    }

    /// Abandons a handoff. Nothing is to be told to anybody if it turns out to be released.
    async fn give_up(
        self: &Arc<Self>,
        turn: OwnedMutexGuard<()>,
        base: &InForce,
        failed: &InForce,
        obstacle: Obstacle,
    ) -> Result<(), Obstacle> {
        match self.abandon(base, failed).await {
            Ok(true) => {}
            Ok(false) => {
                self.learn().await?;
                let now = self.policies.in_force();
                if now.epoch == failed.epoch && now.leaving.is_empty() {
                    self.conclude(failed);
                    return Ok(());
                }
            }
            Err(error) => {
                tracing::warn!(epoch = %failed.epoch, %error, "the abandonment of the handoff waits for backend old");
                self.abandon_soon(turn, base.clone(), failed.clone());
            }
        }
        let message = format!("the handoff to epoch {} is abandoned: {obstacle}", failed.epoch);
        let cause = Cause::new(Kind::Handoff, Component::Handoff);
        self.alerts.raise(cause.warns(message).under(failed.epoch));
        Err(obstacle)
    }

    /// Abandons a handoff in the background, as soon as `old` can be asked. Keeps the turn until then.
    pub(crate) fn abandon_soon(self: &Arc<Self>, turn: OwnedMutexGuard<()>, base: InForce, failed: InForce) {
        let handoffs = Arc::clone(self);
        let abandonment = move || {
            let _turn = &turn;
            let (handoffs, base, failed) = (Arc::clone(&handoffs), base.clone(), failed.clone());
            async move { handoffs.abandon_in_time(&base, &failed).await }
        };
        self.supervisor.run("abandonment", Need::Optional, abandonment).detach();
    }

    /// Abandons a handoff as soon as `old` can be asked. Whoever calls holds the turn.
    pub(crate) async fn abandon_in_time(self: &Arc<Self>, base: &InForce, failed: &InForce) {
        // A forced failover may come between.
        while self.policies.in_force().epoch <= failed.epoch {
            match self.abandon(base, failed).await {
                Ok(true) => return,
                Ok(false) => {
                    // It is released, or another host was quicker. What is in force is found by the next look.
                    self.policies.look();
                    return;
                }
                Err(error) => tracing::debug!(epoch = %failed.epoch, %error, "the abandonment waits"),
            }
            sleep(PAUSE).await;
        }
    }

    /// Puts the set of `base` in force again, under the number after the handoff that failed. No write of that handoff was let
    /// in where its authority differs, so all operations go on at once: nothing is drained and no open transaction is waited for.
    /// False if `old` has released the handoff, or has another epoch of that number.
    async fn abandon(self: &Arc<Self>, base: &InForce, failed: &InForce) -> Result<bool, Obstacle> {
        let era = Era {
            epoch: failed.epoch.next(),
            ..base.era.clone()
        };
        let record = record::epoch(&era, &base.converged, &self.site.load());
        if !self.backends.old.record_abandonment(&record, self.kept).await? {
            return Ok(false);
        }
        let epoch = era.epoch;
        self.conclude(&InForce::steady(era, base.converged.clone()));
        if let Err(error) = self.backends.old.raise_fence(epoch).await {
            tracing::debug!(%epoch, %error, "the fence of backend old is raised by the next handoff");
        }
        // The other side takes part as one that was away does.
        self.policies.look();
        Ok(true)
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
