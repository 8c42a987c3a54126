use std::collections::HashSet;
use std::time::{Duration, Instant};

use turnout_runtime::{CallError, DualWrite, World};
use turnout_vocabulary::{Action, Backend, MirrorPlan, MirrorState, Subject, Written};

use crate::Error;
use crate::subjects::Subjects;
use crate::write::Done;
use crate::{Pipeline, Run};

/// How long a write that hands a row to another authority waits for its arrival.
const ARRIVAL: Duration = Duration::from_secs(5);

impl Run<'_> {
    /// What follows a write that its authority has committed: it is mirrored as the dual-write policy plans it, and people
    /// hear of what went badly. Nothing of this makes the write fail, unless it hands a row to another authority.
    pub(crate) async fn mirror(&mut self, done: &Done) -> Result<(), Error> {
        let plan = self.mirror_plan(done.action, &done.subjects, done.authority);
        let began = Instant::now();
        let state = self
            .reach(done.authority, done.outcome.transaction, plan, done.hands_over)
            .await?;
        self.note_own_write(done, done.outcome.transaction, state);
        self.settle(done, state, began.elapsed());
        Ok(())
    }

    /// Keeps a write in mind that the mirror lacks.
    pub(crate) fn note_own_write(&self, done: &Done, transaction: Option<i64>, state: MirrorState) {
        let Pipeline { freshness, mirror, .. } = self.pipeline;
        if let (Some(transaction), MirrorState::Pending | MirrorState::Parked) = (transaction, state) {
            let own_writes = &freshness.own_writes;
            own_writes.note(self.repository.id, &done.subjects, done.authority, transaction, mirror);
        }
    }

    /// Has the changes of a transaction mirrored as planned. Says how the other side stands.
    pub(crate) async fn reach(
        &mut self,
        authority: Backend,
        transaction: Option<i64>,
        plan: MirrorPlan,
        hands_over: bool,
    ) -> Result<MirrorState, Error> {
        let mirror = &self.pipeline.mirror;
        let state = match (plan, transaction) {
            (_, Some(transaction)) if hands_over => {
                let state = mirror.mirrored(authority, transaction, ARRIVAL).await;
                if state != MirrorState::Done {
                    return Err(Error::HandedOver { from: authority });
                }
                state
            }
            (MirrorPlan::Sync { bound }, Some(transaction)) => mirror.mirrored(authority, transaction, bound).await,
            (MirrorPlan::Async, Some(_)) => {
                mirror.wake(authority);
                MirrorState::Pending
            }
            (MirrorPlan::Off, _) | (_, None) => MirrorState::Off,
        };
        self.provenance.note_mirror(state);
        Ok(state)
    }

    /// Has people hear of what went badly.
    pub(crate) fn settle(&mut self, done: &Done, state: MirrorState, took: Duration) {
        let written = Written {
            action: done.action,
            repository: self.repository.id,
            authority: done.authority,
            took: done.took,
            mirror: state,
            mirror_took: (state == MirrorState::Done).then_some(took),
        };
        // A policy that fails here has nothing to say.
        let alerts = self
            .call(DualWrite::NAME, |policies, _| {
                policies.dual_write.of(None).settle(&written)
            })
            .unwrap_or_default();
        for said in alerts {
            let alert = turnout_alerts::of_write(self.repository, &written, self.provenance.epoch, &said);
            self.pipeline.alerts.raise(alert);
        }
    }

    /// How a write reaches the other side. Where a policy fails to say, as if nothing were known of it: later.
    pub(crate) fn mirror_plan(&mut self, action: Action, subjects: &Subjects, authority: Backend) -> MirrorPlan {
        self.try_mirror_plan(action, subjects, authority)
            .unwrap_or(MirrorPlan::Async)
    }

    fn try_mirror_plan(
        &mut self,
        action: Action,
        subjects: &Subjects,
        authority: Backend,
    ) -> Result<MirrorPlan, CallError> {
        let is_forced = self.policies.forced.is_some();
        let subject = match subjects {
            Subjects::Named(subjects) => match self.first_mirrored(subjects)? {
                Some(named) => named.as_ref(),
                None => return Ok(MirrorPlan::Off),
            },
            Subjects::Unnamed if !is_forced && !self.policies.mirrors(self.repository.id, None)[authority] => {
                return Ok(MirrorPlan::Off);
            }
            Subjects::Unnamed => None,
        };
        let plan = self.call(DualWrite::NAME, |policies, repository| {
            policies.dual_write.ask("mirror", repository, subject, |policy| {
                policy.mirror(action, repository, subject, authority)
            })
        })?;
        Ok(match plan {
            // The rows of the repository are mirrored, and no single write is left out.
            MirrorPlan::Off if !is_forced => MirrorPlan::Async,
            plan => plan,
        })
    }

    /// One of these subjects whose rows are mirrored, if there is one.
    fn first_mirrored<'s>(
        &mut self,
        subjects: &'s HashSet<Option<Subject>>,
    ) -> Result<Option<&'s Option<Subject>>, CallError> {
        for named in subjects {
            let subject = named.as_ref();
            let is_mirrored = self.decide(|policies, repository| {
                let routing = &policies.routing;
                routing.note("mirrored", repository, |policy| policy.mirrored(repository, subject));
                policies.mirrored(repository, subject)
            })?;
            if is_mirrored {
                return Ok(Some(named));
            }
        }
        Ok(None)
    }
}
