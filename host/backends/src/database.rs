use std::sync::Arc;

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{ConnectOptions as _, Row as _};
use turnout_vocabulary::{Backend, Filter, Health, Insert, Outcome, Repository, Request};

use crate::connections::{Connections, Watch};
use crate::error::Error;
use crate::schema::{Schema, SchemaCache, Table, problems};
use crate::settings::Settings;
use crate::sql::{self, Statement};

/// One backend.
pub struct Database {
    backend: Backend,
    connections: Arc<Connections>,
    schemas: Arc<SchemaCache>,
    _watch: Watch,
}

impl Database {
    /// Opens a backend that serves these repositories. It need not be reachable: it counts as up until it is found to
    /// be down, and recovers by itself. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Url`] if the URL can't be used whatever the backend does.
    pub fn open(backend: Backend, settings: Settings, repositories: Arc<[Repository]>) -> Result<Self, Error> {
        let options = options(backend, &settings)?;
        let connections = Arc::new(Connections::new(backend, options.clone(), settings));
        let schemas = Arc::new(SchemaCache::new(repositories));
        let watch = Watch::start(Arc::clone(&connections), Arc::clone(&schemas), options);
        Ok(Self {
            backend,
            connections,
            schemas,
            _watch: watch,
        })
    }

    /// Which backend it is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Carries out a request, in one round trip once its statement is prepared. A read whose connection breaks is
    /// tried once more; a write never is.
    ///
    /// # Errors
    /// Any [`Error`] but [`Error::Url`].
    pub async fn execute(&self, repository: &Repository, request: &Request) -> Result<Outcome, Error> {
        let schema = self.schemas.get(&self.connections).await?;
        match self.execute_with(&schema, repository, request).await {
            // What PostgreSQL refuses with such an error has changed nothing, so a write may be tried again too.
            Err(error) if error.may_be_stale_schema() => {
                let newer = self.schemas.newer_than(&schema, error, &self.connections).await?;
                self.execute_with(&newer, repository, request).await
            }
            answer => answer,
        }
    }

    /// The distinct values of the subject column among the rows that match, null as `None`; nothing if the repository
    /// has no subject column. It tells whose rows a write touches that names no subject.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn subjects(&self, repository: &Repository, filter: &Filter) -> Result<Vec<Option<String>>, Error> {
        self.subjects_by(repository, |table, column| {
            sql::subjects(table, column, filter).map(Some)
        })
        .await
    }

    /// The same among the rows whose key an upsert finds taken.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn conflicting_subjects(
        &self,
        repository: &Repository,
        insert: &Insert,
    ) -> Result<Vec<Option<String>>, Error> {
        self.subjects_by(repository, |table, column| sql::conflicting(table, column, insert))
            .await
    }

    /// What the tables look like, read now if they have not been before.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like if they can't be read.
    pub async fn schema(&self) -> Result<Arc<Schema>, Error> {
        self.schemas.get(&self.connections).await
    }

    /// What about the repositories' settings does not fit the tables, in words; empty if all of it does.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like if the tables can't be read.
    pub async fn check(&self) -> Result<Vec<String>, Error> {
        Ok(problems(
            self.backend,
            &*self.schema().await?,
            self.schemas.repositories(),
        ))
    }

    /// How the backend is doing. Costs two atomic loads: the percentile is worked out where answers are recorded.
    #[must_use]
    pub fn health(&self) -> Health {
        self.connections.pulse().health()
    }

    async fn execute_with(
        &self,
        schema: &Schema,
        repository: &Repository,
        request: &Request,
    ) -> Result<Outcome, Error> {
        let table = self.table(schema, repository)?;
        let statement = sql::statement(table, &repository.key, request)?;
        let row = self.connections.run(&statement, !request.action().is_write()).await?;
        let outcome = outcome(&row, repository).map_err(|error| self.unexpected(&error))?;
        match request {
            Request::Find(find) if find.single && outcome.rows != 1 => Err(Error::NotSingle { rows: outcome.rows }),
            _ => Ok(outcome),
        }
    }

    async fn subjects_by<'a>(
        &self,
        repository: &Repository,
        write: impl Fn(&Table, &str) -> Result<Option<Statement<'a>>, Error>,
    ) -> Result<Vec<Option<String>>, Error> {
        let Some(column) = &repository.subject else {
            return Ok(Vec::new());
        };
        let schema = self.schemas.get(&self.connections).await?;
        match self.subjects_with(&schema, repository, column, &write).await {
            Err(error) if error.may_be_stale_schema() => {
                let newer = self.schemas.newer_than(&schema, error, &self.connections).await?;
                self.subjects_with(&newer, repository, column, &write).await
            }
            answer => answer,
        }
    }

    async fn subjects_with<'a>(
        &self,
        schema: &Schema,
        repository: &Repository,
        column: &str,
        write: &impl Fn(&Table, &str) -> Result<Option<Statement<'a>>, Error>,
    ) -> Result<Vec<Option<String>>, Error> {
        let Some(statement) = write(self.table(schema, repository)?, column)? else {
            return Ok(Vec::new());
        };
        let row = self.connections.run(&statement, true).await?;
        row.try_get(0).map_err(|error| self.unexpected(&error))
    }

    fn table<'a>(&self, schema: &'a Schema, repository: &Repository) -> Result<&'a Table, Error> {
        schema.table(repository).ok_or_else(|| Error::UnknownTable {
            backend: self.backend,
            table: format!("{}.{}", repository.schema, repository.name),
        })
    }

    fn unexpected(&self, error: &sqlx::Error) -> Error {
        Error::Unexpected {
            backend: self.backend,
            reason: error.to_string(),
        }
    }
}

fn options(backend: Backend, settings: &Settings) -> Result<PgConnectOptions, Error> {
    let options = settings.parse().map_err(|reason| Error::Url { backend, reason })?;
    let statement_timeout = settings.statement_timeout.as_millis().max(1).to_string();
    Ok(options
        .application_name("turnout")
        .options([("statement_timeout", statement_timeout)])
        .statement_cache_capacity(settings.statement_cache_capacity)
        .disable_statement_logging())
}

/// The answer's row as `sql` lays it out.
fn outcome(row: &PgRow, repository: &Repository) -> Result<Outcome, sqlx::Error> {
    let body: Option<String> = row.try_get(0)?;
    let location: Option<Vec<String>> = row.try_get(4)?;
    Ok(Outcome {
        body: body.unwrap_or_default(),
        rows: row.try_get::<i64, _>(1)?.unsigned_abs(),
        total: row.try_get::<Option<i64>, _>(2)?.map(i64::unsigned_abs),
        inserted: row.try_get::<i64, _>(3)?.unsigned_abs(),
        location: repository
            .key
            .iter()
            .cloned()
            .zip(location.unwrap_or_default())
            .collect(),
    })
}
