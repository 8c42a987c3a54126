mod read;
mod write;

use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;
use turnout_backends::Database;
use turnout_vocabulary::{
    Action, Admission, Backend, Operation, OperationId, Outcome, PerBackend, Repository, RepositoryId, Subject,
    SubjectRule,
};

use crate::subjects::Subjects;
use crate::{Error, Metrics, Policies, PolicySet, Provenance};

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
    /// The policy set in force.
    pub policies: Arc<Policies>,
    /// The two databases.
    pub backends: PerBackend<Database>,
    /// What is counted on the way.
    pub metrics: Arc<Metrics>,
    /// The tables served, by number.
    pub repositories: Arc<[Repository]>,
    /// How phone numbers are normalised.
    pub rule: SubjectRule,
    /// What answers a read that cannot be decided.
    pub undecided: Undecided,
}

impl Pipeline {
    /// The repository of that name.
    #[must_use]
    pub fn repository(&self, name: &str) -> Option<&Repository> {
        self.repositories.iter().find(|repository| repository.name == name)
    }

    /// The provenance of an answer to what never became an operation.
    #[must_use]
    pub fn undone(&self, operation: OperationId) -> Provenance {
        Provenance::begin(operation, self.policies.in_force().epoch)
    }

    /// Does one operation, from the first decision to the last under the policy set in force when it began.
    pub async fn run(&self, operation: Operation) -> (Provenance, Result<Outcome, Error>) {
        let policies = self.policies.in_force();
        let mut run = Run {
            pipeline: self,
            repository: &self.repositories[usize::from(operation.repository.0)],
            provenance: Provenance::begin(operation.id, policies.epoch),
            policies,
        };
        let action = operation.request.action();
        let result = run.operate(operation).await;
        self.metrics
            .operation(run.repository.id, action, &run.provenance, result.as_ref().err());
        let Provenance {
            operation,
            epoch,
            backend,
            policy,
            database,
        } = run.provenance;
        tracing::debug!(
            %operation,
            repository = run.repository.name,
            action = action.as_str(),
            backend = backend.map(Backend::as_str),
            %epoch,
            policy_us = policy.as_micros(),
            database_us = database.as_micros(),
            rows = result.as_ref().map_or(0, |outcome| outcome.rows),
            error = result.as_ref().err().map(Error::kind),
            "operation"
        );
        (run.provenance, result)
    }
}

/// One operation on its way.
struct Run<'a> {
    pipeline: &'a Pipeline,
    repository: &'a Repository,
    policies: Arc<PolicySet>,
    provenance: Provenance,
}

impl Run<'_> {
    async fn operate(&mut self, operation: Operation) -> Result<Outcome, Error> {
        let Operation {
            request, named_subject, ..
        } = operation;
        let subjects = Subjects::of(&request, self.repository, &self.pipeline.rule);
        if request.action().is_write() {
            self.write(request, subjects).await
        } else {
            self.read(request, subjects.of_read(named_subject)).await
        }
    }

    /// Goes on only if the routing policy admits the operation.
    fn admit(&mut self, action: Action, subject: Option<&Subject>) -> Result<(), Error> {
        match self.decide(|policies, repository| policies.routing.admit(action, repository, subject))? {
            Admission::Admit => Ok(()),
            Admission::Refuse { retry_after } => Err(Error::Frozen { retry_after }),
        }
    }

    /// Calls a policy once, and keeps the time that it took.
    fn decide<T>(&mut self, ask: impl FnOnce(&PolicySet, RepositoryId) -> T) -> T {
        let began = Instant::now();
        let answer = ask(&self.policies, self.repository.id);
        let took = began.elapsed();
        self.provenance.policy += took;
        self.pipeline.metrics.policy_called(took);
        answer
    }

    /// Asks a backend, and keeps the time that it took.
    async fn ask<T>(
        &mut self,
        backend: Backend,
        question: impl AsyncFnOnce(&Database) -> Result<T, turnout_backends::Error>,
    ) -> Result<T, turnout_backends::Error> {
        self.provenance.backend = Some(backend);
        let began = Instant::now();
        let answer = question(&self.pipeline.backends[backend]).await;
        self.provenance.database += began.elapsed();
        answer
    }
}
