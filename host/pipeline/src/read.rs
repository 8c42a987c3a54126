use std::hash::{BuildHasher, RandomState};

use turnout_backends::Error as BackendError;
use turnout_comparisons::Read;
use turnout_vocabulary::{
    Action, Backend, Conditions, Find, Outcome, PerBackend, ReadPlan, Request, Span, Subject, View,
};

use crate::Error;
use crate::subjects::Subjects;
use crate::{Run, Undecided};

impl Run<'_> {
    /// Reads where the routing policy says. The plan's fallback answers only when the primary cannot, and a read leaves the
    /// authority only while this host knows of no write of its subject that is not mirrored.
    pub(crate) async fn read(&mut self, request: &Request, beside: Option<&Subject>) -> Result<Outcome, Error> {
        if let Some(view) = request.view().filter(|view| view.is_foreign) {
            self.refuse_foreign(view)?;
        }
        let subject = self.subject_of_read(request, beside)?;
        let subject = subject.as_ref();
        let (plan, authority) = self
            .plan(subject)
            .or_else(|error| Ok::<_, Error>((self.without_decision(error)?, None)))?;
        let mut plan = self.within_equal_rows(plan, authority, subject);
        if let Some(authority) = authority {
            let others = self.read_beside(authority, request, subject).await?;
            if !others.is_empty() || request.view().is_some() {
                plan.primary = authority;
                if !self.are_equal(&others, subject) {
                    plan.fallback = None;
                    plan.compare = 0;
                }
            }
            let mut awaited = others.awaited;
            awaited.extend(self.spans_authorities(subject).then_some(self.repository));
            if !awaited.is_empty() {
                plan.primary = authority;
                self.await_other_side(authority, &awaited).await;
            } else if plan.primary != authority && self.misses_own_writes(subject, authority).await {
                plan.primary = authority;
                plan.fallback = None;
            }
        }
        let mut answer = self.read_from(plan.primary, request).await;
        if let (
            Err(BackendError::Unavailable { .. } | BackendError::Exhausted { .. } | BackendError::NotReady { .. }),
            Some(fallback),
        ) = (&answer, plan.fallback)
        {
            let leaves = authority.filter(|authority| *authority != fallback);
            let misses = match leaves {
                Some(authority) => self.misses_own_writes(subject, authority).await,
                None => false,
            };
            if !misses {
                answer = self.read_from(fallback, request).await;
            }
        }
        if answer.is_ok() && self.provenance.backend != authority {
            self.note_mirrors_age(authority);
        }
        if let (Ok(outcome), Some(authority)) = (&answer, authority) {
            self.sample(request, plan, authority, subject, outcome);
        }
        Ok(answer?)
    }

    /// Goes on with a read of a foreign table only while all repositories have one authority: its rows may be those of any, and nothing
    /// mirrors them.
    fn refuse_foreign(&mut self, view: &View) -> Result<(), Error> {
        let own = self.repository;
        let pipeline = self.pipeline;
        let mut first = None;
        for repository in pipeline.repositories.iter() {
            let (side, spans) = self.side(Action::Find, repository, None)?;
            if spans || *first.get_or_insert(side) != side {
                return Err(Error::Foreign {
                    table: format!("{}.{}", view.schema, view.name),
                });
            }
        }
        self.repository = own;
        Ok(())
    }

    /// The plan without the side that is not the authority, unless the rows of the subject are kept equal there. What a policy
    /// would have had answered otherwise is counted.
    fn within_equal_rows(&mut self, plan: ReadPlan, authority: Option<Backend>, subject: Option<&Subject>) -> ReadPlan {
        let Some(authority) = authority else { return plan };
        let leaves = |side: Backend| side != authority;
        if !leaves(plan.primary) && !plan.fallback.is_some_and(leaves) {
            return plan;
        }
        let repository = self.repository;
        if self.decide(|policies, _| policies.has_equal_sides(repository, subject)) {
            return plan;
        }
        self.pipeline.metrics.policies.read_not_followed();
        ReadPlan {
            primary: authority,
            fallback: None,
            ..plan
        }
    }

    /// Has a read compared with the other side, beside the request, if it is one of the share that the plan says and its rows are kept equal
    /// there.
    fn sample(
        &mut self,
        request: &Request,
        plan: ReadPlan,
        authority: Backend,
        subject: Option<&Subject>,
        outcome: &Outcome,
    ) {
        // What differs between rows of a view has no key to be noted under.
        let Request::Find(find @ Find { view: None, .. }) = request else {
            return;
        };
        let repository = self.repository;
        if plan.compare == 0
            || self.transaction.explain.is_some()
            || u64::from(plan.compare) <= RandomState::new().hash_one(0_u8) % 10_000
            || self.provenance.backend != Some(authority)
            || !self.decide(|policies, _| policies.has_equal_sides(repository, subject))
        {
            return;
        }
        self.pipeline.comparisons.read(Read {
            repository: repository.id,
            find: find.clone(),
            epoch: self.policies.epoch,
            authority,
            transaction: self.transaction.clone(),
            answer: outcome.body.clone(),
        });
    }

    async fn read_from(&mut self, backend: Backend, request: &Request) -> Result<Outcome, BackendError> {
        let (repository, epoch) = (self.repository, self.policies.epoch);
        let transaction = self.transaction.clone();
        self.ask(backend, async |database| {
            database.execute_in(repository, request, &transaction, epoch).await
        })
        .await
    }

    /// The subject that stands for a read: the one that it names, one of several with the same authority, or the one
    /// beside the request. The columns of a view need not be those of the repository, so a filter by them names nobody.
    fn subject_of_read(&mut self, request: &Request, beside: Option<&Subject>) -> Result<Option<Subject>, Error> {
        if request.view().is_some() {
            return Ok(beside.cloned());
        }
        let subjects = match Subjects::of(request, self.repository, &self.pipeline.rule) {
            Subjects::Unnamed => return Ok(beside.cloned()),
            Subjects::Named(subjects) => subjects,
        };
        if subjects.len() > 1 && self.policies.span(self.repository.id) == Span::Both {
            let mut authorities = PerBackend::<bool>::default();
            for subject in &subjects {
                match self.authority(subject.as_ref()) {
                    Ok(authority) => authorities[authority] = true,
                    Err(Error::Undecided(_)) => return Ok(None),
                    Err(error) => return Err(error),
                }
            }
            if authorities.old && authorities.new {
                return Ok(None);
            }
        }
        Ok(subjects.into_iter().next().flatten())
    }

    /// Whether a read for this subject may find rows of both authorities.
    fn spans_authorities(&self, subject: Option<&Subject>) -> bool {
        subject.is_none() && self.repository.subject.is_some() && self.policies.span(self.repository.id) == Span::Both
    }

    /// The plan of the routing policy, and the authority of the rows; `None` if the policy fails to say that alone and no
    /// handoff is under way.
    fn plan(&mut self, subject: Option<&Subject>) -> Result<(ReadPlan, Option<Backend>), Error> {
        self.admit(Action::Find, subject)?;
        let authority = match self.authority(subject) {
            Err(Error::Undecided(_)) if self.policies.leaving.is_empty() => None,
            authority => Some(authority?),
        };
        if let Some(forced) = self.policies.forced {
            // What the other side has may be what the failover left behind.
            let plan = ReadPlan {
                primary: forced,
                fallback: None,
                compare: 0,
            };
            return Ok((plan, authority));
        }
        let conditions = Conditions {
            backends: PerBackend::from_fn(|backend| self.pipeline.backends[backend].health()),
            mirror_lag: authority.and_then(|authority| self.mirror_lag(authority)),
        };
        let plan = self.decide(|policies, repository| {
            policies.routing.ask("read", repository, subject, |policy| {
                policy.read(Action::Find, repository, subject, &conditions)
            })
        })?;
        Ok((plan, authority))
    }

    /// The plan of the configuration for a read that the policy failed to decide.
    fn without_decision(&self, error: Error) -> Result<ReadPlan, Error> {
        let primary = match (&error, self.pipeline.undecided) {
            (Error::Undecided(_), Undecided::Old) => Backend::Old,
            (Error::Undecided(_), Undecided::New) => Backend::New,
            _ => return Err(error),
        };
        Ok(ReadPlan {
            primary,
            fallback: None,
            compare: 0,
        })
    }
}
