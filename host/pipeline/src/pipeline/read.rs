use turnout_backends::Error as BackendError;
use turnout_vocabulary::{Action, Backend, Conditions, Outcome, ReadPlan, Request, Subject};

use super::{Run, Undecided};
use crate::Error;

impl Run<'_> {
    /// Reads where the routing policy says. The plan's fallback answers only when the primary cannot.
    pub(super) async fn read(&mut self, request: Request, subject: Option<Subject>) -> Result<Outcome, Error> {
        let plan = self
            .plan(subject.as_ref())
            .or_else(|error| self.without_decision(error))?;

        let repository = self.repository;
        let answer = self
            .ask(plan.primary, async |database| {
                database.execute(repository, &request).await
            })
            .await;
        match (answer, plan.fallback) {
            (Err(BackendError::Unavailable { .. } | BackendError::Exhausted { .. }), Some(fallback)) => Ok(self
                .ask(fallback, async |database| database.execute(repository, &request).await)
                .await?),
            (answer, _) => Ok(answer?),
        }
    }

    /// The plan of the routing policy.
    fn plan(&mut self, subject: Option<&Subject>) -> Result<ReadPlan, Error> {
        self.admit(Action::Find, subject)?;
        let conditions = Conditions {
            backends: self.pipeline.backends.as_ref().map(turnout_backends::Database::health),
            mirror_lag: None,
        };
        Ok(self.decide(|policies, repository| policies.routing.read(Action::Find, repository, subject, &conditions))?)
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
