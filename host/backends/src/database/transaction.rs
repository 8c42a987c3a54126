use std::sync::Arc;

use turnout_vocabulary::{Epoch, Filter, Outcome, Repository, Request};

use super::Database;
use crate::connections::Session;
use crate::error::Error;
use crate::schema::Schema;
use crate::sql;
use crate::wire::Isolation;

/// Several requests on one backend, all or nothing. Whatever ends it but [`commit`](Self::commit), also being dropped, takes
/// all of it back.
pub struct Transaction<'d> {
    database: &'d Database,
    schema: Arc<Schema>,
    session: Session<'d>,
}

impl Database {
    /// Begins a transaction.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn begin(&self, isolation: Isolation) -> Result<Transaction<'_>, Error> {
        Ok(Transaction {
            database: self,
            schema: self.schemas.get(&self.connections).await?,
            session: self.connections.begin(isolation).await?,
        })
    }
}

impl Transaction<'_> {
    /// Carries out a request that was decided under an epoch. After an error the transaction can only be
    /// [given up](Self::give_up).
    ///
    /// # Errors
    /// As [`Database::execute`].
    pub async fn execute(
        &mut self,
        repository: &Repository,
        request: &Request,
        epoch: Epoch,
    ) -> Result<Outcome, Error> {
        let Self {
            database,
            schema,
            session,
        } = self;
        let table = database.table(schema, repository)?;
        let carried = schema.installed.then(|| epoch.to_string());
        let statement = sql::statement(table, &repository.key, request, carried.as_deref())?;
        let answer = session.run(&statement).await?;
        database.outcome(answer, repository, request, epoch)
    }

    /// As [`Database::subjects`], among the rows that the transaction sees.
    ///
    /// # Errors
    /// As [`Database::execute`].
    pub async fn subjects(&mut self, repository: &Repository, filter: &Filter) -> Result<Vec<Option<String>>, Error> {
        let Some(column) = &repository.subject else {
            return Ok(Vec::new());
        };
        let table = self.database.table(&self.schema, repository)?;
        let answer = self.session.run(&sql::subjects(table, column, filter)?).await?;
        self.database.subjects_in(answer)
    }

    /// Commits it.
    ///
    /// # Errors
    /// [`Error::Database`] if it was taken back instead; [`Error::Unavailable`] if no answer came: it may have been committed.
    pub async fn commit(self) -> Result<(), Error> {
        self.session.end(true).await
    }

    /// Takes it back.
    pub async fn roll_back(self) {
        // If this fails the connection is closed, which takes it back too.
        let _ = self.session.end(false).await;
    }

    /// Takes it back after an error of an operation that was decided under an epoch, and says what that means:
    /// [`Error::Outdated`] instead, if the tables have changed since they were last read; [`Error::Fenced`], if this side
    /// refuses the epoch.
    pub async fn give_up(self, error: Error, epoch: Epoch) -> Error {
        // If this fails the connection is closed, which takes it back too.
        let _ = self.session.end(false).await;
        if !error.may_be_stale_schema() {
            return if self.schema.installed {
                self.database.unless_fenced(error, epoch).await
            } else {
                error
            };
        }
        let Database {
            schemas,
            connections,
            backend,
            ..
        } = self.database;
        match schemas.newer_than(&self.schema, error, connections).await {
            Ok(_) => Error::Outdated { backend: *backend },
            Err(error) => error,
        }
    }
}
