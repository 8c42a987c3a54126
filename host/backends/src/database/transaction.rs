use std::borrow::Cow;

use turnout_vocabulary::{Epoch, Filter, Outcome, Reference, Referred, Repository, Request};

use super::Database;
use crate::error::Error;
use crate::plan::Scope;
use crate::schema::Schema;
use crate::sql::{self, Carried};
use crate::wire::{Isolation, Listed, Undone, Why};

/// One entry of a transaction.
pub enum Entry<'r> {
    /// Carries out a request. References in later entries count the requests.
    Request(&'r Repository, Cow<'r, Request>),
    /// Goes on only if a reference stands for this. Without a value it never goes on, and tells what the reference stands for.
    Value(&'r Reference, Option<Referred>),
    /// Goes on only if the rows that match have no other values than these in the subject column.
    Subjects(&'r Repository, Filter, Vec<Option<String>>),
}

impl Database {
    /// Carries out requests that were decided under an epoch as one transaction: all of them, or nothing. What became of each
    /// request.
    ///
    /// # Errors
    /// As [`execute`](Self::execute), with the entry to blame. [`Error::Outdated`] if the tables have changed since they were last
    /// read. After [`Error::Unavailable`] that is in doubt the transaction may have been committed.
    pub async fn execute_all(
        &self,
        entries: &[Entry<'_>],
        isolation: Isolation,
        epoch: Epoch,
    ) -> Result<Vec<Outcome>, Undone<Error>> {
        let schema = self.schemas.get(&self.connections).await.map_err(Undone::nowhere)?;
        let mut undone = match self.execute_all_with(&schema, entries, isolation, epoch).await {
            Ok(outcomes) => return Ok(outcomes),
            Err(undone) => undone,
        };
        if let Why::Failed(error) = undone.why {
            undone.why = Why::Failed(self.understood(&schema, error, epoch).await);
        }
        Err(undone)
    }

    async fn execute_all_with(
        &self,
        schema: &Schema,
        entries: &[Entry<'_>],
        isolation: Isolation,
        epoch: Epoch,
    ) -> Result<Vec<Outcome>, Undone<Error>> {
        let number = schema.installed.then(|| epoch.to_string());
        let carried = Carried {
            epoch: number.as_deref(),
            ..Carried::default()
        };
        let mut list = Vec::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            let listed = self.listed(schema, entry, carried);
            list.push(listed.map_err(|error| Undone::by(at, error))?);
        }
        let mut answers = self.connections.run_list(&list, isolation).await?.into_iter();
        let mut writes = false;
        let (mut outcomes, mut fences) = (Vec::new(), Vec::new());
        for (at, entry) in entries.iter().enumerate() {
            let Entry::Request(repository, request) = entry else {
                continue;
            };
            let Some(answer) = answers.next() else {
                break;
            };
            writes |= request.action().is_write();
            let outcome = self.outcome(answer, repository, request);
            let (outcome, fence) = outcome.map_err(|error| Undone::by(at, error))?;
            outcomes.push(outcome);
            fences.push((at, fence));
        }
        // A write holds up every change of authority until the commit, so the rows that were read beside it are not yesterday's.
        for (at, fence) in fences.into_iter().filter(|_| !writes) {
            self.refuse_fenced(fence, epoch)
                .map_err(|error| Undone::by(at, error))?;
        }
        Ok(outcomes)
    }

    fn listed<'e>(&self, schema: &Schema, entry: &'e Entry<'_>, carried: Carried<'e>) -> Result<Listed<'e>, Error> {
        Ok(match entry {
            Entry::Request(repository, request) => {
                let scope = Scope::target(schema, self.target(schema, repository, request)?, request)?;
                Listed::Run(sql::statement(&scope, &repository.key, request, carried, true)?)
            }
            Entry::Value(reference, value) => {
                let allowed = value.iter().map(|Referred(text)| text.clone());
                Listed::Check(sql::referred(reference), allowed.collect())
            }
            Entry::Subjects(repository, filter, subjects) => {
                let scope = Scope::plain(schema, self.place(schema, repository)?);
                let column = repository.subject.as_deref().unwrap_or_default();
                Listed::Check(sql::subjects(&scope, column, filter)?, subjects.clone())
            }
        })
    }

    /// What an error means that took back a transaction which was decided under an epoch.
    async fn understood(&self, schema: &Schema, error: Error, epoch: Epoch) -> Error {
        if !error.may_be_stale_schema() {
            return if schema.installed {
                self.unless_fenced(error, epoch).await
            } else {
                error
            };
        }
        match self.schemas.newer_than(schema, error, &self.connections).await {
            Ok(_) => Error::Outdated { backend: self.backend },
            Err(error) => error,
        }
    }
}
