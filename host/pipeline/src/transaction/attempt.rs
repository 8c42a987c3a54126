use std::borrow::Cow;
use std::time::{Duration, Instant};

use turnout_backends::Transaction as Open;
use turnout_vocabulary::{Backend, MirrorPlan, Outcome, RepositoryId, Request, Span};

use super::{Asked, Reason, Step, Stopped, Transaction};
use crate::Run;
use crate::subjects::Subjects;
use crate::write::Done;
use crate::{Error, Provenance};

impl Run<'_> {
    /// Does a transaction once.
    pub(super) async fn attempt<E>(&mut self, transaction: &Transaction<'_, E>) -> Result<Vec<Outcome>, Stopped<E>> {
        let nowhere = |error: Error| (None, Reason::Error(error));
        self.check_site().map_err(nowhere)?;
        let steps = &transaction.steps;
        let authority = self.common_authority(steps).await?;
        let database = &self.pipeline.backends[authority];
        let begun = self.timed(authority, database.begin(transaction.isolation)).await;
        let mut open = begun.map_err(|error| nowhere(error.into()))?;
        let mut all = Vec::new();
        let mut outcomes = Vec::new();
        for (place, step) in steps.iter().enumerate() {
            self.turn_to(step.repository);
            match self.step(&mut open, authority, &step.request, &outcomes).await {
                Ok(done) => {
                    outcomes.push(done.outcome.clone());
                    all.push((step.repository, done));
                }
                Err(Reason::Error(Error::Backend(error))) => {
                    let error = open.give_up(error, self.policies.epoch).await;
                    return Err((Some(place), Error::Backend(error).into()));
                }
                Err(reason) => {
                    open.roll_back().await;
                    return Err((Some(place), reason));
                }
            }
        }
        let committed = self.timed(authority, open.commit()).await;
        committed.map_err(|error| nowhere(error.into()))?;
        self.mirror_all(authority, &all).await.map_err(nowhere)?;
        Ok(outcomes)
    }

    fn turn_to(&mut self, repository: RepositoryId) {
        self.repository = &self.pipeline.repositories[usize::from(repository.0)];
    }

    /// The one authority of all operations, as far as they say by themselves whose rows they touch.
    async fn common_authority<E>(&mut self, steps: &[Step<'_, E>]) -> Result<Backend, Stopped<E>> {
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for (place, step) in steps.iter().enumerate() {
            let Asked::Known(request) = &step.request else {
                continue;
            };
            self.turn_to(step.repository);
            let authority = self.one_authority(request).await;
            match authority.map_err(|error| (Some(place), error.into()))? {
                Some(Backend::Old) => old.push(place),
                Some(Backend::New) => new.push(place),
                None => {}
            }
        }
        match (old.is_empty(), new.is_empty()) {
            (false, true) => Ok(Backend::Old),
            (true, false) => Ok(Backend::New),
            (true, true) => self.authority(None).map_err(|error| (None, error.into())),
            (false, false) => Err((None, Error::Apart { old, new }.into())),
        }
    }

    /// The one authority of an operation; `None` if any will do.
    async fn one_authority(&mut self, request: &Request) -> Result<Option<Backend>, Error> {
        self.refuse_unfiltered(request)?;
        let names = Subjects::of(request, self.repository, &self.pipeline.rule);
        if !request.action().is_write() && names == Subjects::Unnamed {
            self.admit(request.action(), None)?;
            return Ok(match self.policies.span(self.repository.id) {
                Span::One(authority) => Some(authority),
                Span::Both => None,
            });
        }
        let parts = self.divide(request).await?;
        match &parts[..] {
            [] => Ok(None),
            [part] => Ok(Some(part.authority)),
            _ => Err(Error::SeveralAuthorities),
        }
    }

    /// Does one operation inside a transaction.
    async fn step<E>(
        &mut self,
        open: &mut Open<'_>,
        authority: Backend,
        asked: &Asked<'_, E>,
        earlier: &[Outcome],
    ) -> Result<Done, Reason<E>> {
        let request = match asked {
            Asked::Known(request) => Cow::Borrowed(request),
            Asked::Later(resolve) => Cow::Owned(resolve(earlier).map_err(Reason::Unresolved)?),
        };
        self.refuse_unfiltered(&request)?;
        let (request, subjects) = self.confined(open, authority, request).await?;
        let hands_over = self.hands_over(&request, authority).await?;
        let began = Instant::now();
        let (repository, epoch) = (self.repository, self.policies.epoch);
        let answer = self.timed(authority, open.execute(repository, &request, epoch)).await;
        Ok(Done {
            action: request.action(),
            subjects: subjects.with_those_of_change(&request, repository, &self.pipeline.rule),
            authority,
            took: began.elapsed(),
            hands_over,
            outcome: answer.map_err(Error::from)?,
        })
    }

    /// An operation as far as it touches rows of this authority; an error if it touches others. A read that names no
    /// subject sees the copies of others, too.
    async fn confined<'r>(
        &mut self,
        open: &mut Open<'_>,
        authority: Backend,
        request: Cow<'r, Request>,
    ) -> Result<(Cow<'r, Request>, Subjects), Error> {
        let action = request.action();
        let subjects = Subjects::of(&request, self.repository, &self.pipeline.rule);
        if let Subjects::Named(named) = &subjects {
            let shares = self.by_authority(action, named.clone())?;
            return if shares[authority.other()].is_empty() {
                Ok((request, subjects))
            } else {
                Err(Error::SeveralAuthorities)
            };
        }
        self.admit(action, None)?;
        match self.policies.span(self.repository.id) {
            Span::One(one) if one == authority => Ok((request, subjects)),
            Span::One(_) => Err(Error::SeveralAuthorities),
            Span::Both if !action.is_write() => Ok((request, subjects)),
            Span::Both => {
                if !self.own_matching(&request, authority.other()).await?.is_empty() {
                    return Err(Error::SeveralAuthorities);
                }
                let repository = self.repository;
                let filter = request.filter().cloned().unwrap_or_default();
                let matching = self.timed(authority, open.subjects(repository, &filter)).await?;
                let own = self.own(action, authority, matching)?;
                let part = self.narrowed(&request, authority, own);
                Ok((part.request, part.subjects))
            }
        }
    }

    /// What follows the commit: see [`mirror`](Self::mirror). The longest plan counts for all operations.
    async fn mirror_all(&mut self, authority: Backend, all: &[(RepositoryId, Done)]) -> Result<(), Error> {
        let writes = || all.iter().filter(|(_, done)| done.action.is_write());
        let mut plan = MirrorPlan::Off;
        for (repository, done) in writes() {
            self.turn_to(*repository);
            plan = longer(plan, self.mirror_plan(done.action, &done.subjects, authority));
        }
        let transaction = writes().find_map(|(_, done)| done.outcome.transaction);
        let hands_over = writes().any(|(_, done)| done.hands_over);
        let began = Instant::now();
        let state = self.reach(authority, transaction, plan, hands_over).await?;
        let took = began.elapsed();
        for (repository, done) in all {
            self.turn_to(*repository);
            let came = Provenance {
                database: done.took,
                ..self.provenance
            };
            self.pipeline.metrics.operation(*repository, done.action, &came, None);
            if done.action.is_write() {
                self.note_own_write(done, transaction, state);
                self.settle(done, state, took);
            }
        }
        Ok(())
    }
}

/// The one of two plans that waits longer.
fn longer(one: MirrorPlan, other: MirrorPlan) -> MirrorPlan {
    let wait = |plan| match plan {
        MirrorPlan::Off => None,
        MirrorPlan::Async => Some(Duration::ZERO),
        MirrorPlan::Sync { bound } => Some(bound),
    };
    if wait(other) > wait(one) { other } else { one }
}
