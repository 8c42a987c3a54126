use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout};
use turnout_alerts::{Alerts, Cause, Component, Kind};
use turnout_policies::{Era, Freeze, InForce, Policies, PolicySet};
use turnout_vocabulary::Epoch;

use crate::change::abandon::Abandonment;
use crate::change::allot::Allotment;
use crate::change::conclude::Conclusion;
use crate::change::steps::Steps;
use crate::change::timings::{Laps, Timings};
use crate::gate::{Gate, Passed};
use crate::held_up::HeldUp;
use crate::learn::Learner;
use crate::obstacle::Obstacle;
use crate::sides::rejoin::Rejoin;
use crate::sides::restored::RestoredSide;

/// The way of a set through the handoff, to its end or to its abandonment.
pub(crate) struct Handoff {
    pub(crate) policies: Arc<Policies>,
    pub(crate) learner: Arc<Learner>,
    pub(crate) restored: Arc<RestoredSide>,
    pub(crate) rejoin: Arc<Rejoin>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) allotment: Arc<Allotment>,
    pub(crate) steps: Steps,
    pub(crate) conclusion: Arc<Conclusion>,
    pub(crate) abandonment: Arc<Abandonment>,
    pub(crate) held_up: Arc<HeldUp>,
    pub(crate) alerts: Arc<Alerts>,
    /// How long operations may wait for it before it is abandoned.
    pub(crate) budget: Duration,
}

impl Handoff {
    /// Takes a set through a handoff. Keeps the turn until that is over, also if the abandonment has to wait for `old`.
    pub(crate) async fn run(
        &self,
        turn: OwnedMutexGuard<()>,
        now: &InForce,
        set: &Arc<PolicySet>,
        because: Option<&str>,
    ) -> Result<Timings, Obstacle> {
        let mut timings = Timings::default();
        let mut laps = Laps::begin();
        self.restored.refuse().await?;
        if now.forced.is_some() {
            self.rejoin.rejoin(now).await?;
        }
        let Some(passed) = self.gate.check(now, set, because).await? else {
            let era = Era {
                epoch: now.epoch.next(),
                set: Arc::clone(set),
                forced: None,
                frozen: None,
            };
            self.policies.put_in_force(InForce::steady(era, Vec::new()));
            self.policies.metrics.reloaded(Duration::ZERO);
            return Ok(timings);
        };
        if let Some(overridden) = &passed.overridden {
            self.gate.promotion.keep(overridden, now.epoch).await?;
        }
        timings.gate = laps.lap();
        self.carry_out(turn, now, set, now.frozen.clone(), &passed, timings)
            .await
    }

    /// Has the set in force refuse the application's writes, or let them in again: by a handoff to itself, so that no write which was let
    /// in before commits after it.
    pub(crate) async fn freeze(
        &self,
        turn: OwnedMutexGuard<()>,
        now: &InForce,
        frozen: Option<Arc<Freeze>>,
    ) -> Result<(), Obstacle> {
        let Some(passed) = self.gate.check(now, &now.set, None).await? else {
            return Err(Obstacle::Because(
                "writes can be frozen only where Turnout is installed on both sides: run `turnout install`".to_owned(),
            ));
        };
        let timings = Timings::default();
        let carried = self.carry_out(turn, now, &now.set, frozen, &passed, timings);
        carried.await.map(drop)
    }

    /// Carries out a handoff that may begin.
    async fn carry_out(
        &self,
        turn: OwnedMutexGuard<()>,
        now: &InForce,
        set: &Arc<PolicySet>,
        frozen: Option<Arc<Freeze>>,
        passed: &Passed,
        mut timings: Timings,
    ) -> Result<Timings, Obstacle> {
        let mut laps = Laps::begin();
        let began = Instant::now();
        let next = self.allotment.allot(now, set, frozen, &passed.converged).await?;
        let epoch = next.epoch;
        timings.record = laps.lap();
        self.policies.put_in_force(next.clone());
        let outcome = timeout(self.budget, self.steps.take(now, passed, &next, &mut timings)).await;
        let held_up = self.held_up.end();
        let obstacle = match outcome {
            Ok(Ok(())) => {
                self.conclusion.conclude(&next);
                // The first policies change nothing.
                if now.epoch > Epoch::new(0) {
                    self.policies.metrics.reloaded(began.elapsed());
                }
                return Ok(timings);
            }
            Ok(Err(obstacle)) => obstacle,
            Err(_) => Obstacle::Because(format!(
                "the handoff to epoch {epoch} took longer than {:?} and was abandoned: {}",
                self.budget,
                held_up.unwrap_or_else(|| "a backend did not answer in time".to_owned())
            )),
        };
        self.give_up(turn, now, &next, obstacle).await?;
        Ok(timings)
    }

    /// Abandons a handoff. Nothing is to be told to anybody if it turns out to be released.
    async fn give_up(
        &self,
        turn: OwnedMutexGuard<()>,
        base: &InForce,
        failed: &InForce,
        obstacle: Obstacle,
    ) -> Result<(), Obstacle> {
        match self.abandonment.abandon(base, failed).await {
            Ok(true) => {}
            Ok(false) => {
                self.learner.learn().await?;
                let now = self.policies.in_force();
                if now.epoch == failed.epoch && now.leaving.is_empty() {
                    self.conclusion.conclude(failed);
                    return Ok(());
                }
            }
            Err(error) => {
                tracing::warn!(epoch = %failed.epoch, %error, "the abandonment of the handoff waits for backend old");
                self.abandonment.abandon_soon(turn, base.clone(), failed.clone());
            }
        }
        let message = format!("the handoff to epoch {} is abandoned: {obstacle}", failed.epoch);
        let cause = Cause::new(Kind::Handoff, Component::Handoff);
        self.alerts.raise(cause.warns(message).under(failed.epoch));
        Err(obstacle)
    }
}
