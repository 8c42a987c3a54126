use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use tokio::time::sleep;
use turnout_backends::{Isolation, Transaction as Open};
use turnout_vocabulary::{Action, Backend, MirrorPlan, OperationId, Outcome, RepositoryId, Request, Span};

use super::authority::other;
use super::write::Done;
use super::{Pipeline, Run};
use crate::subjects::Subjects;
use crate::{Error, Provenance};

/// How often a transaction is tried that others get in the way of.
const ATTEMPTS: u32 = 5;

/// How long the first pause between two attempts is, about; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// Operations that are done on one authority, all or none of them.
pub struct Transaction<'s, E> {
    /// What the answer and the log line call it.
    pub id: OperationId,
    /// What it sees of transactions beside it.
    pub isolation: Isolation,
    /// The operations, in their order.
    pub steps: Vec<Step<'s, E>>,
}

/// One operation of a transaction.
pub struct Step<'s, E> {
    /// The repository that it touches.
    pub repository: RepositoryId,
    /// What kind of operation it is.
    pub action: Action,
    /// What it asks for.
    pub request: Asked<'s, E>,
}

/// What an operation of a transaction asks for.
pub enum Asked<'s, E> {
    /// This.
    Known(Request),
    /// What this makes of the answers to the operations before it.
    Later(Box<Resolve<'s, E>>),
}

/// Makes a request of the answers to earlier operations.
pub type Resolve<'s, E> = dyn Fn(&[Outcome]) -> Result<Request, E> + Send + Sync + 's;

/// A transaction that is committed.
#[derive(Debug)]
pub struct Committed {
    /// What became of each operation.
    pub outcomes: Vec<Outcome>,
    /// How many attempts it took.
    pub attempts: u32,
}

/// A transaction that is not done.
#[derive(Debug)]
pub struct Failed<E> {
    /// The operation to blame, by its place, if it is one.
    pub step: Option<usize>,
    /// Why.
    pub reason: Reason<E>,
    /// How many attempts were made.
    pub attempts: u32,
}

/// Why a transaction is not done.
#[derive(Debug)]
pub enum Reason<E> {
    /// What an operation needs of the answers before it is not there.
    Unresolved(E),
    /// Others got in the way at every attempt.
    Contention(Error),
    /// Anything else.
    Error(Error),
}

impl<E> From<Error> for Reason<E> {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Where and why an attempt stopped.
type Stopped<E> = (Option<usize>, Reason<E>);

impl Pipeline {
    /// Does a transaction. If the policies that decided it are overtaken before anything was done, all of it is decided
    /// again under the next, unseen by the caller; if other transactions get in the way, it is tried a few times.
    pub async fn transact<E>(&self, transaction: &Transaction<'_, E>) -> (Provenance, Result<Committed, Failed<E>>) {
        let first = transaction
            .steps
            .first()
            .map_or(RepositoryId(0), |step| step.repository);
        let mut run = Run::begin(self, transaction.id, first);
        let (mut attempts, mut deadline, mut awaited) = (1, None, false);
        let result = loop {
            let (step, reason) = match run.attempt(transaction).await {
                Ok(outcomes) => break Ok(Committed { outcomes, attempts }),
                Err(stopped) => stopped,
            };
            let Reason::Error(error) = reason else {
                break Err(Failed { step, reason, attempts });
            };
            let again = if error.is_overtaken() {
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + self.handoffs.patience());
                run.wait_for_others(deadline).await
            } else if error.is_reference() && !awaited {
                awaited = true;
                match run.provenance.backend {
                    Some(authority) => run.await_references(authority).await,
                    None => false,
                }
            } else if error.is_transient() && attempts < ATTEMPTS {
                sleep(pause(attempts)).await;
                attempts += 1;
                true
            } else {
                false
            };
            if !again {
                if let Some(blamed) = transaction.steps.get(step.unwrap_or(0)) {
                    let Step { repository, action, .. } = *blamed;
                    self.metrics
                        .operation(repository, action, &run.provenance, Some(&error));
                }
                let reason = if error.is_transient() {
                    Reason::Contention(error)
                } else {
                    Reason::Error(error)
                };
                break Err(Failed { step, reason, attempts });
            }
        };
        let failure = result.as_ref().err().map(|failed| match &failed.reason {
            Reason::Unresolved(_) => "unresolved",
            Reason::Contention(error) | Reason::Error(error) => error.kind(),
        });
        let Provenance {
            epoch,
            backend,
            policy,
            database,
            ..
        } = run.provenance;
        tracing::debug!(
            operation = %transaction.id,
            steps = transaction.steps.len(),
            backend = backend.map(Backend::as_str),
            %epoch,
            attempts,
            policy_us = policy.as_micros(),
            database_us = database.as_micros(),
            error = failure,
            "transaction"
        );
        (run.provenance, result)
    }
}

impl Run<'_> {
    /// Does a transaction once.
    async fn attempt<E>(&mut self, transaction: &Transaction<'_, E>) -> Result<Vec<Outcome>, Stopped<E>> {
        let nowhere = |error: Error| (None, Reason::Error(error));
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
                    return Err((Some(place), Error::Backend(open.give_up(error).await).into()));
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
            return if shares[other(authority)].is_empty() {
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
                if !self.own_matching(&request, other(authority)).await?.is_empty() {
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

/// How long to wait after so many attempts: by chance, so that two that met do not meet again.
fn pause(attempts: u32) -> Duration {
    let about = FIRST_PAUSE * 2_u32.pow(attempts);
    let chance = RandomState::new().hash_one(attempts) % 1024;
    about / 2 + about * u32::try_from(chance).unwrap_or_default() / 1024
}
