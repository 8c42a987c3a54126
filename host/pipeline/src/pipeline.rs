use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;
use turnout_backends::{Database, Error as BackendError};
use turnout_comparisons::Comparisons;
use turnout_mirror::Mirror;
use turnout_runtime::{Routing, World};
use turnout_vocabulary::{
    Action, Admission, Backend, Filter, FunctionRule, MirrorState, Operation, OperationId, Outcome, PerBackend,
    Repository, RepositoryId, Request, Subject, SubjectRule, TransactionSettings, View,
};

use turnout_alerts::Alerts;
use turnout_handoff::Handoffs;
use turnout_policies::{InForce, Policies};

use crate::{Error, Freshness, Metrics, MinuteKeeper, Provenance, Recording};

/// What answers a read that the routing policy fails to decide. A write is refused then, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Undecided {
    /// Nothing: the read is refused too.
    #[default]
    Refuse,
    /// The backend `old`.
    Old,
    /// The backend `new`.
    New,
}

/// Takes operations through the policies to a backend.
pub struct Pipeline {
    /// The policies in force.
    pub policies: Arc<Policies>,
    /// What brings others into force.
    pub handoffs: Arc<Handoffs>,
    /// The two databases.
    pub backends: Arc<PerBackend<Database>>,
    /// What keeps them equal.
    pub mirror: Arc<Mirror>,
    /// What people should hear of.
    pub alerts: Arc<Alerts>,
    /// What compares sampled reads.
    pub comparisons: Arc<Comparisons>,
    /// What is counted on the way.
    pub metrics: Arc<Metrics>,
    /// What keeps the counts of each minute.
    pub minutes: Arc<MinuteKeeper>,
    /// The tables served, by number.
    pub repositories: Arc<[Repository]>,
    /// The last operations, for replays.
    pub recording: Recording,
    /// How subjects are normalised.
    pub rule: SubjectRule,
    /// What reads must know of the mirror.
    pub freshness: Freshness,
    /// What is configured of functions, by name.
    pub functions: BTreeMap<String, FunctionRule>,
    /// What answers a read that cannot be decided.
    pub undecided: Undecided,
    /// The repositories of which every row may be updated or deleted at once.
    pub unfiltered_writes: HashSet<RepositoryId>,
}

impl Pipeline {
    /// The repository of that name.
    #[must_use]
    pub fn repository(&self, name: &str) -> Option<&Repository> {
        self.repositories.iter().find(|repository| repository.name == name)
    }

    /// The repository of the table of that name in the schema that a caller named, or in the first exposed schema that has one.
    #[must_use]
    pub fn repository_in(&self, schema: Option<&str>, table: &str) -> Option<&Repository> {
        let is_named = |repository: &&Repository| {
            repository.table == table && schema.is_none_or(|schema| repository.schema == schema)
        };
        let place = |repository: &&Repository| self.schemas().iter().position(|exposed| *exposed == repository.schema);
        self.repositories.iter().filter(is_named).min_by_key(place)
    }

    /// The view of that name in the schema that a caller named, or in any, and the repository that a read of it counts as: the first
    /// of those that it is made of. A foreign table counts as the first of all.
    ///
    /// # Errors
    /// [`BackendError::UnknownTable`] if neither backend has such a view that is made of a repository; another if a backend can't be asked.
    pub async fn view(&self, schema: Option<&str>, name: &str) -> Result<(&Repository, View), BackendError> {
        let schemas: Vec<&str> = match schema {
            Some(schema) => vec![schema],
            None => self.schemas().iter().map(String::as_str).collect(),
        };
        let mut failure = None;
        for (_, database) in self.backends.iter() {
            match database.view(&schemas, name).await {
                Ok((view, parts)) => {
                    let is_part = |repository: &&Repository| {
                        let mut parts = parts.iter();
                        parts.any(|part| part.schema == repository.schema && part.table == repository.table)
                    };
                    let is_target = |repository: &&Repository| view.is_foreign || is_part(repository);
                    if let Some(target) = self.repositories.iter().find(is_target) {
                        return Ok((target, view));
                    }
                }
                Err(BackendError::UnknownTable { .. }) => {}
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| BackendError::UnknownTable {
            backend: Backend::Old,
            table: format!("{}.{name}", schemas.first().copied().unwrap_or("public")),
        }))
    }

    /// Whether the function that a call means may change rows, as the catalogue of the first backend has it that can be asked.
    ///
    /// # Errors
    /// As [`Database::function`].
    pub async fn function_writes(&self, call: &Request) -> Result<bool, BackendError> {
        let found = match self.backends.old.function(call).await {
            Err(BackendError::Unavailable { .. }) => self.backends.new.function(call).await,
            found => found,
        };
        found.map(|(writes, _)| writes)
    }

    /// The schemas whose tables, views and functions callers may name, the default one first.
    #[must_use]
    pub fn schemas(&self) -> &[String] {
        self.backends.old.exposed()
    }

    /// The provenance of an answer to what never became an operation.
    #[must_use]
    pub fn undone(&self, operation: OperationId) -> Provenance {
        Provenance::begin(operation, self.policies.in_force().epoch)
    }

    /// Does one operation, from the first decision to the last under the same policies. If these are overtaken before
    /// anything was done, it is decided again under the next, unseen by the caller.
    pub async fn run(&self, operation: &Operation) -> (Provenance, Result<Outcome, Error>) {
        let mut run = Run::begin(self, operation.id, operation.repository);
        run.transaction = operation.transaction.clone();
        let action = operation.request.action();
        let mut request = Cow::Borrowed(&operation.request);
        let mut deadline = None;
        let result = loop {
            let result = run.operate(&request, operation.named_subject.as_ref()).await;
            let mut again = result.as_ref().is_err_and(Error::is_overtaken);
            if again {
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + self.handoffs.patience());
                again = run.wait_for_others(deadline).await;
            }
            if !again {
                break result.map_err(|error| run.as_partial(error));
            }
            if let Some(rest) = run.rest.take() {
                request = Cow::Owned(rest);
            }
        };
        self.note(run.repository.id, action, &run.provenance, result.as_ref().err());
        let Provenance {
            operation,
            epoch,
            backend,
            policy,
            database,
            mirror,
            ..
        } = run.provenance;
        tracing::debug!(
            %operation,
            repository = run.repository.name,
            action = action.as_str(),
            backend = backend.map(Backend::as_str),
            %epoch,
            mirror = mirror.map(MirrorState::as_str),
            policy_us = policy.as_micros(),
            database_us = database.as_micros(),
            rows = result.as_ref().map_or(0, |outcome| outcome.rows),
            error = result.as_ref().err().map(Error::kind),
            "operation"
        );
        (run.provenance, result)
    }

    /// Counts an operation, and has people hear of a write that its authority failed to carry out.
    pub(crate) fn note(&self, repository: RepositoryId, action: Action, came: &Provenance, error: Option<&Error>) {
        self.metrics.operation(repository, action, came, error);
        if action.is_write()
            && let (Some(why), Some(authority)) = (error.and_then(Error::backend_failure), came.backend)
        {
            let repository = &self.repositories[usize::from(repository.0)];
            let alert = turnout_alerts::of_failed_write(repository, action, authority, came.epoch, why);
            self.alerts.raise(alert);
        }
    }
}

/// One operation on its way.
pub(crate) struct Run<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) repository: &'a Repository,
    pub(crate) policies: Arc<InForce>,
    pub(crate) provenance: Provenance,
    /// What the operation asks of its transaction.
    pub(crate) transaction: TransactionSettings,
    /// The parts of a split write that are done, though not all are.
    pub(crate) written: Option<Outcome>,
    /// What is left of it to be done.
    pub(crate) rest: Option<Request>,
}

impl<'a> Run<'a> {
    pub(crate) fn begin(pipeline: &'a Pipeline, operation: OperationId, repository: RepositoryId) -> Self {
        let policies = pipeline.policies.in_force();
        Self {
            pipeline,
            repository: &pipeline.repositories[usize::from(repository.0)],
            provenance: Provenance::begin(operation, policies.epoch),
            policies,
            transaction: TransactionSettings::default(),
            written: None,
            rest: None,
        }
    }

    async fn operate(&mut self, request: &Request, named_subject: Option<&Subject>) -> Result<Outcome, Error> {
        self.check_site()?;
        if let Request::Call(call) = request {
            return self.call_function(call, named_subject).await;
        }
        if request.action().is_write() {
            self.refuse_frozen()?;
            self.refuse_unfiltered(request)?;
            self.write(request).await
        } else {
            self.read(request, named_subject).await
        }
    }

    /// Goes on only while the record describes the site as this host does.
    pub(crate) fn check_site(&self) -> Result<(), Error> {
        match self.pipeline.policies.why_aside() {
            Some(reason) => Err(Error::Aside(reason)),
            None => Ok(()),
        }
    }

    /// Goes on only while the application's writes are let in.
    pub(crate) fn refuse_frozen(&self) -> Result<(), Error> {
        if self.policies.frozen.is_some() {
            return Err(Error::WritesFrozen);
        }
        Ok(())
    }

    /// What an error means after which a part of a write is done and another is not.
    fn as_partial(&self, failure: Error) -> Error {
        // A row that was handed over and has not arrived is not left out: all is written then.
        if self.written.is_none() || matches!(failure, Error::HandedOver { .. }) {
            return failure;
        }
        Error::Partial {
            done: self.provenance.parts,
            failure: Box::new(failure),
        }
    }

    /// Waits until other policies are in force than those that were overtaken, and takes them. False if that takes too long.
    pub(crate) async fn wait_for_others(&mut self, deadline: Instant) -> bool {
        let policies = &self.pipeline.policies;
        policies.look();
        let (epoch, leaving) = (self.policies.epoch, self.policies.leaving.len());
        let patience = deadline.saturating_duration_since(Instant::now());
        let came = policies
            .wait_until(patience, |now| now.epoch > epoch || now.leaving.len() < leaving)
            .await;
        self.policies = policies.in_force();
        self.provenance.epoch = self.policies.epoch;
        came
    }

    /// Goes on unless an update or a delete would touch every row and the configuration does not allow that. Supabase refuses
    /// such statements too.
    pub(crate) fn refuse_unfiltered(&self, request: &Request) -> Result<(), Error> {
        let writes_rows = match request {
            Request::Update(update) => !update.change.columns.is_empty(),
            Request::Delete(_) => true,
            Request::Find(_) | Request::Insert(_) | Request::Call(_) => false,
        };
        let takes_every_row = request.filter().is_some_and(Filter::takes_every_row);
        if writes_rows && takes_every_row && !self.pipeline.unfiltered_writes.contains(&self.repository.id) {
            return Err(Error::Unfiltered {
                action: request.action(),
                repository: self.repository.name.clone(),
            });
        }
        Ok(())
    }

    /// Goes on only if the routing policy admits the operation.
    pub(crate) fn admit(&mut self, action: Action, subject: Option<&Subject>) -> Result<(), Error> {
        self.pipeline.recording.note(self.repository.id, action, subject);
        let admission = self.decide(|policies, repository| {
            policies.routing.ask("admit", repository, subject, |policy| {
                policy.admit(action, repository, subject)
            })
        })?;
        match admission {
            Admission::Admit => Ok(()),
            Admission::Refuse { retry_after } => Err(Error::Frozen { retry_after }),
        }
    }

    /// Calls the routing policy once, and keeps the time that it took.
    pub(crate) fn decide<T>(&mut self, ask: impl FnOnce(&InForce, RepositoryId) -> T) -> T {
        self.call(Routing::NAME, ask)
    }

    /// Calls the policy of that world once, and keeps the time that it took.
    pub(crate) fn call<T>(&mut self, world: &str, ask: impl FnOnce(&InForce, RepositoryId) -> T) -> T {
        let began = Instant::now();
        let answer = ask(&self.policies, self.repository.id);
        let took = began.elapsed();
        self.provenance.policy += took;
        self.pipeline.metrics.policies.called(world, took);
        answer
    }

    /// Asks a backend, and keeps the time that it took.
    pub(crate) async fn ask<T>(
        &mut self,
        backend: Backend,
        question: impl AsyncFnOnce(&Database) -> Result<T, turnout_backends::Error>,
    ) -> Result<T, turnout_backends::Error> {
        let pipeline = self.pipeline;
        self.timed(backend, question(&pipeline.backends[backend])).await
    }

    /// Waits for a backend, and keeps the time that it took.
    pub(crate) async fn timed<T>(&mut self, backend: Backend, work: impl Future<Output = T>) -> T {
        self.provenance.backend = Some(backend);
        let began = Instant::now();
        let answer = work.await;
        self.provenance.database += began.elapsed();
        answer
    }
}
