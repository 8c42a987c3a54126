mod transaction;

use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::watch::Receiver;
use turnout_supervisor::{Supervisor, Task};
use turnout_vocabulary::{
    Backend, Caller, Epoch, Filter, Find, Health, Insert, Outcome, Repository, Request, Said, Selected, SubjectKind,
    TransactionSettings, View,
};

pub use transaction::Entry;

use crate::connections::{Connections, listen, watch};
use crate::error::Error;
use crate::plan::{Scope, called};
use crate::schema::{
    Reference, Schema, SchemaCache, Shaped, Table, TableKind, Volatility, key_problems, problems, subject_problems,
};
use crate::settings::Settings;
use crate::sql::{self, Carried, Statement};
use crate::wire::{Answer, Json, Misread, Options, Pool};

/// One backend.
pub struct Database {
    backend: Backend,
    connections: Arc<Connections>,
    /// What the mirror and the handoff use.
    protocol: Arc<Connections>,
    schemas: Arc<SchemaCache>,
    _watches: [Task; 2],
}

/// How many connections the mirror and the handoff have: an applier, a comparison, a handoff and a waiting write.
pub(crate) const PROTOCOL_CONNECTIONS: u32 = 4;

impl Database {
    /// Opens a backend that serves these repositories. It need not be reachable: it counts as up until it is found to
    /// be down, and recovers by itself. Its tasks run under the supervisor until this is dropped. Must be called inside a tokio
    /// runtime.
    ///
    /// # Errors
    /// [`Error::Url`] if the URL can't be used whatever the backend does.
    pub fn open(
        backend: Backend,
        settings: Settings,
        repositories: Arc<[Repository]>,
        supervisor: &Supervisor,
    ) -> Result<Self, Error> {
        let options = Options::of(&settings).map_err(|reason| Error::Url { backend, reason })?;
        let protocol_settings = Settings {
            max_connections: PROTOCOL_CONNECTIONS,
            ..settings.clone()
        };
        let exposed = settings.exposed_schemas.clone();
        let of_operations = |reach| Pool::new(reach, options.clone(), settings);
        let of_protocol = |reach| Pool::silent(reach, options.clone(), protocol_settings);
        Ok(Self::of(
            Connections::over(backend, of_operations),
            Connections::over(backend, of_protocol),
            SchemaCache::new(repositories, exposed),
            supervisor,
        ))
    }

    /// A backend without a database: the script answers what operations, the mirror and the handoff ask. Must be called inside
    /// a tokio runtime.
    #[cfg(feature = "scripted")]
    #[must_use]
    pub fn scripted(
        backend: Backend,
        script: &Arc<crate::Script>,
        repositories: Arc<[Repository]>,
        supervisor: &Supervisor,
    ) -> Self {
        let wire = || {
            let script = Arc::clone(script);
            |reach| crate::wire::Scripted { reach, script }
        };
        Self::of(
            Connections::over(backend, wire()),
            Connections::over(backend, wire()),
            SchemaCache::new(repositories, Vec::new()),
            supervisor,
        )
    }

    /// A database that is reached by these connections: those of operations, and those of the mirror and the handoff.
    fn of(connections: Connections, protocol: Connections, schemas: SchemaCache, supervisor: &Supervisor) -> Self {
        let (connections, protocol) = (Arc::new(connections), Arc::new(protocol));
        let schemas = Arc::new(schemas);
        let backend = connections.backend();
        let watch = |name: &str, connections| {
            let name = format!("{name}-{backend}");
            watch(supervisor, &name, Arc::clone(connections), Arc::clone(&schemas))
        };
        Self {
            backend,
            _watches: [
                watch("connections", &connections),
                watch("protocol-connections", &protocol),
            ],
            connections,
            protocol,
            schemas,
        }
    }

    /// Which backend it is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Carries out a request that was decided under an epoch, in one round trip once its statement is prepared. A read
    /// whose connection breaks is tried once more; a write never is.
    ///
    /// # Errors
    /// Any [`Error`] but [`Error::Url`]. After [`Error::Fenced`] nothing was done.
    pub async fn execute(&self, repository: &Repository, request: &Request, epoch: Epoch) -> Result<Outcome, Error> {
        self.execute_in(repository, request, &TransactionSettings::default(), epoch)
            .await
    }

    /// The same in a transaction with these settings. One that is taken back costs two more round trips. For a caller's role Turnout must be
    /// installed here, and Turnout's own role must be a member of it.
    ///
    /// # Errors
    /// As [`execute`](Self::execute); [`Error::NoRoles`].
    pub async fn execute_in(
        &self,
        repository: &Repository,
        request: &Request,
        transaction: &TransactionSettings,
        epoch: Epoch,
    ) -> Result<Outcome, Error> {
        let mut schema = self.schemas.get(&self.connections).await?;
        loop {
            match self
                .execute_with(&schema, repository, request, transaction, epoch)
                .await
            {
                // What PostgreSQL refuses with such an error has changed nothing, so a write may be tried again too.
                Err(error) if error.may_be_stale_schema() => {
                    schema = self.schemas.newer_than(&schema, error, &self.connections).await?;
                }
                Err(error) if request.is_write() && schema.installed => {
                    return Err(self.unless_fenced(error, epoch).await);
                }
                answer => return answer,
            }
        }
    }

    /// The distinct values of the subject column among the rows that match, null as `None`; nothing if the repository
    /// has no subject column. It tells whose rows a write touches that names no subject.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn subjects(&self, repository: &Repository, filter: &Filter) -> Result<Vec<Option<String>>, Error> {
        self.subjects_by(repository, |scope, column| {
            sql::subjects(scope, column, filter).map(Some)
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
        self.subjects_by(repository, |scope, column| {
            sql::conflicting(scope.table, column, insert)
        })
        .await
    }

    /// Whether the function that a call means may change rows, as the catalogue has it, and the tables whose rows the call embeds in its
    /// result.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn function(&self, request: &Request) -> Result<(bool, Vec<Reference>), Error> {
        let mut schema = self.schemas.get(&self.connections).await?;
        loop {
            match function(&schema, request) {
                Err(error) if error.may_be_stale_schema() => {
                    schema = self.schemas.newer_than(&schema, error, &self.connections).await?;
                }
                found => return found,
            }
        }
    }

    /// The tables whose rows a request reads beside those of its target: those that it embeds, those between them, and those that the views
    /// among them are made of.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn read_beside(&self, repository: &Repository, request: &Request) -> Result<Vec<Reference>, Error> {
        if Selected::embeds(request.select()).next().is_none() && request.view().is_none() {
            // While nothing is known of the table the read itself finds out.
            let schema = self.schemas.last();
            let table = schema.as_ref().and_then(|schema| schema.table(repository));
            return Ok(table.map_or_else(Vec::new, |table| table.parts.clone()));
        }
        let mut schema = self.schemas.get(&self.connections).await?;
        loop {
            let place = self.target(&schema, repository, request);
            match place.and_then(|place| Scope::target(&schema, place, request)) {
                Err(error) if error.may_be_stale_schema() => {
                    schema = self.schemas.newer_than(&schema, error, &self.connections).await?;
                }
                scope => return Ok(scope?.read_beside()),
            }
        }
    }

    /// The view or the foreign table of that name in one of these schemas, the first that has one, and the tables that it is made of.
    ///
    /// # Errors
    /// [`Error::UnknownTable`] if there is no such view; as [`execute`](Self::execute).
    pub async fn view(&self, schemas: &[&str], name: &str) -> Result<(View, Vec<Reference>), Error> {
        let mut schema = self.schemas.get(&self.connections).await?;
        loop {
            for exposed in schemas {
                let mut view = View {
                    schema: (*exposed).to_owned(),
                    name: name.to_owned(),
                    is_foreign: false,
                };
                if let Some(place) = schema.view(&view) {
                    let table = &schema.tables()[place];
                    view.is_foreign = table.kind == TableKind::Foreign;
                    return Ok((view, table.parts.clone()));
                }
            }
            let unknown = self.unknown(schemas.first().copied().unwrap_or_default(), name);
            schema = self.schemas.newer_than(&schema, unknown, &self.connections).await?;
        }
    }

    /// What the tables look like, read now if they have not been before.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like if they can't be read.
    pub async fn schema(&self) -> Result<Arc<Schema>, Error> {
        self.schemas.get(&self.connections).await
    }

    /// The schemas whose tables, views and functions callers may name, the default one first.
    #[must_use]
    pub fn exposed(&self) -> &[String] {
        self.schemas.exposed()
    }

    /// Whether Turnout was not installed here when the tables were last read. False while they have not been.
    #[must_use]
    pub fn lacks_installation(&self) -> bool {
        self.schemas.last().is_some_and(|schema| !schema.installed)
    }

    /// Has the tables read anew whenever the application says that they changed, as it says to PostgREST (`notify pgrst, 'reload schema'`),
    /// until the task is dropped. Takes one more connection. Must be called inside a tokio runtime.
    pub fn listen(&self, supervisor: &Supervisor) -> Task {
        let name = format!("schema-changes-{}", self.backend);
        listen(supervisor, &name, Arc::clone(&self.protocol), Arc::clone(&self.schemas))
    }

    /// What tells that the application changed its schema, or may have, while somebody [listens](Self::listen).
    #[must_use]
    pub fn schema_announcements(&self) -> Receiver<()> {
        self.schemas.announcements()
    }

    /// Reads the tables anew, whether they are known or not.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like if they can't be read.
    pub async fn refresh_schema(&self) -> Result<Arc<Schema>, Error> {
        self.schemas.read(&self.protocol).await
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

    /// Why keys of repositories do not tell the rows of their tables apart, in words; empty if all do. A table or a column
    /// that is not there has no part in it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like if the tables can't be read.
    pub async fn check_keys(&self) -> Result<Vec<String>, Error> {
        let schema = self.schema().await?;
        let mut problems = Vec::new();
        for repository in self.schemas.repositories() {
            let Some(table) = schema.table(repository) else {
                continue;
            };
            let is_there = |name: &String| table.columns.iter().any(|column| column.name == *name);
            if repository.key.iter().all(is_there) {
                problems.extend(key_problems(self.backend, table, repository));
            }
        }
        Ok(problems)
    }

    /// Why subject columns can't hold subjects of this kind, in words; empty if all can.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like if the tables can't be read.
    pub async fn check_subjects(&self, kind: SubjectKind) -> Result<Vec<String>, Error> {
        let schema = self.schema().await?;
        let repositories = self.schemas.repositories().iter();
        let problems = repositories.filter_map(|repository| {
            let table = schema.table(repository)?;
            subject_problems(self.backend, table, repository, kind)
        });
        Ok(problems.collect())
    }

    /// How the backend is doing. Costs two atomic loads: the percentile is worked out where answers are recorded.
    #[must_use]
    pub fn health(&self) -> Health {
        self.connections.health()
    }

    /// Why the backend refuses statements although it answers, such as "is read-only"; `None` as far as is known it does not.
    #[must_use]
    pub fn condition(&self) -> Option<&'static str> {
        self.connections.condition().or_else(|| self.protocol.condition())
    }

    /// The error that refused a write which was decided under an epoch, or [`Error::Fenced`] if this side refuses that epoch.
    /// PostgreSQL checks constraints, and runs what refuses a write by its rows, before the fence; a side that has lost the
    /// authority would tell of rows that are gone from the new one.
    async fn unless_fenced(&self, error: Error, epoch: Epoch) -> Error {
        if error.may_tell_of_rows() && self.lowest_epoch().await.is_ok_and(|lowest| lowest > epoch) {
            return Error::Fenced { backend: self.backend };
        }
        error
    }

    async fn execute_with(
        &self,
        schema: &Schema,
        repository: &Repository,
        request: &Request,
        transaction: &TransactionSettings,
        epoch: Epoch,
    ) -> Result<Outcome, Error> {
        let caller = transaction.caller.as_ref();
        // A read as a caller's role leaves the fence to `turnout.run_as`: the role may not read it.
        let has_fence = schema.installed && (caller.is_none() || request.is_write());
        let number = has_fence.then(|| epoch.to_string());
        let carried = Carried {
            epoch: number.as_deref(),
            timezone: transaction.timezone.as_deref(),
            read_only: matches!(request, Request::Call(call) if !call.writes),
        };
        let mut statement = self.statement(schema, repository, request, carried)?;
        if let Some(explain) = &transaction.explain {
            statement = statement.explained(explain);
        }
        if let Some(caller) = caller {
            if !schema.installed {
                return Err(Error::NoRoles { backend: self.backend });
            }
            statement = sql::as_caller(&statement, caller, schema.role(&caller.role), self.backend)?;
        }
        let is_write = request.is_write();
        statement.rollback = is_write && transaction.rollback;
        statement.read_only = carried.read_only;
        let mut answer = self.connections.run(&statement, !is_write).await?;
        if transaction.explain.is_some() {
            return Ok(Outcome {
                body: answer.take_text(0).unwrap_or_default(),
                ..Outcome::default()
            });
        }
        let (mut outcome, fence) = self.outcome(answer, repository, request)?;
        if let Request::Call(call) = request {
            outcome.is_void = called(schema, call)?.0.result.shape == Shaped::Void;
        }
        if statement.rollback {
            // No other transaction ever sees what this one did.
            outcome.transaction = None;
        }
        self.refuse_fenced(fence, epoch)?;
        if let Request::Find(find) = request {
            if find.single && outcome.rows != 1 {
                return Err(Error::NotSingle { rows: outcome.rows });
            }
            if sql::is_estimated(find, outcome.total) {
                let planned = self.planned_count(schema, repository, request, find, caller).await?;
                outcome.total = outcome.total.max(Some(planned));
            }
        }
        Ok(outcome)
    }

    /// How many rows a read matches, as the planner estimates. It plans under the caller's role: policies choose rows, too.
    async fn planned_count(
        &self,
        schema: &Schema,
        repository: &Repository,
        request: &Request,
        find: &Find,
        caller: Option<&Caller>,
    ) -> Result<u64, Error> {
        let scope = Scope::target(schema, self.target(schema, repository, request)?, request)?;
        let mut statement = sql::planned_count(&scope, find)?;
        if let Some(caller) = caller {
            statement = sql::as_caller(&statement, caller, schema.role(&caller.role), self.backend)?;
        }
        let mut answer = self.connections.run(&statement, true).await?;
        let Json([Explained { plan }]) = answer.take(0).map_err(|misread| self.misread(&misread))?;
        Ok(plan.rows)
    }

    /// The statement that carries out a request.
    fn statement<'a>(
        &self,
        schema: &Schema,
        repository: &Repository,
        request: &'a Request,
        carried: Carried<'a>,
    ) -> Result<Statement<'a>, Error> {
        if let Request::Call(call) = request {
            return sql::call(schema, called(schema, call)?, request, call, carried);
        }
        let scope = Scope::target(schema, self.target(schema, repository, request)?, request)?;
        sql::statement(&scope, &repository.key, request, carried, false)
    }

    /// What the answer to a request says; of a read also the fence that it found.
    fn outcome(
        &self,
        answer: Answer,
        repository: &Repository,
        request: &Request,
    ) -> Result<(Outcome, Option<i64>), Error> {
        let (mut outcome, mark) = outcome(answer, repository).map_err(|misread| self.misread(&misread))?;
        if request.is_write() {
            outcome.transaction = mark;
            return Ok((outcome, None));
        }
        Ok((outcome, mark))
    }

    /// Rows of a side that has refused this epoch's writes may be yesterday's.
    fn refuse_fenced(&self, fence: Option<i64>, epoch: Epoch) -> Result<(), Error> {
        if fence.is_some_and(|fence| fence.unsigned_abs() > epoch.get()) {
            return Err(Error::Fenced { backend: self.backend });
        }
        Ok(())
    }

    async fn subjects_by<'a>(
        &self,
        repository: &Repository,
        write: impl Fn(&Scope<'_, 'a>, &str) -> Result<Option<Statement<'a>>, Error>,
    ) -> Result<Vec<Option<String>>, Error> {
        let Some(column) = &repository.subject else {
            return Ok(Vec::new());
        };
        let mut schema = self.schemas.get(&self.connections).await?;
        loop {
            let place = self.place(&schema, repository);
            let answer = match place.and_then(|place| write(&Scope::plain(&schema, place), column)) {
                Ok(Some(statement)) => self.connections.run(&statement, true).await,
                Ok(None) => return Ok(Vec::new()),
                Err(error) => Err(error),
            };
            match answer {
                Err(error) if error.may_be_stale_schema() => {
                    schema = self.schemas.newer_than(&schema, error, &self.connections).await?;
                }
                answer => return self.subjects_in(answer?),
            }
        }
    }

    /// The subjects that an answer tells.
    fn subjects_in(&self, mut answer: Answer) -> Result<Vec<Option<String>>, Error> {
        let Json(subjects) = answer.take(0).map_err(|misread| self.misread(&misread))?;
        Ok(subjects)
    }

    pub(crate) fn protocol(&self) -> &Connections {
        &self.protocol
    }

    pub(crate) fn repositories(&self) -> &[Repository] {
        self.schemas.repositories()
    }

    pub(crate) fn table<'a>(&self, schema: &'a Schema, repository: &Repository) -> Result<&'a Table, Error> {
        Ok(&schema.tables()[self.place(schema, repository)?])
    }

    /// The place of the table or the view whose rows a request on a repository is about.
    fn target(&self, schema: &Schema, repository: &Repository, request: &Request) -> Result<usize, Error> {
        let Some(view) = request.view() else {
            return self.place(schema, repository);
        };
        schema.view(view).ok_or_else(|| self.unknown(&view.schema, &view.name))
    }

    fn unknown(&self, schema: &str, table: &str) -> Error {
        Error::UnknownTable {
            backend: self.backend,
            table: format!("{schema}.{table}"),
        }
    }

    fn place(&self, schema: &Schema, repository: &Repository) -> Result<usize, Error> {
        let place = schema.place(repository);
        place.ok_or_else(|| self.unknown(&repository.schema, &repository.table))
    }

    pub(crate) fn misread(&self, misread: &Misread) -> Error {
        Error::unexpected(self.backend, misread)
    }
}

/// What is read of a plan.
#[derive(Deserialize)]
struct Explained {
    #[serde(rename = "Plan")]
    plan: Plan,
}

#[derive(Deserialize)]
struct Plan {
    /// How many rows its outermost step is expected to answer with.
    #[serde(rename = "Plan Rows")]
    rows: u64,
}

fn function(schema: &Schema, request: &Request) -> Result<(bool, Vec<Reference>), Error> {
    let Request::Call(call) = request else {
        return Ok((false, Vec::new()));
    };
    let (function, _) = called(schema, call)?;
    let beside = match function.result.shape {
        Shaped::Row(place) => Scope::target(schema, place, request)?.read_beside(),
        Shaped::Void | Shaped::Scalar | Shaped::Columns(_) => Vec::new(),
    };
    Ok((function.volatility == Volatility::Volatile, beside))
}

/// The answer's row as `sql` lays it out, and its last column.
fn outcome(mut answer: Answer, repository: &Repository) -> Result<(Outcome, Option<i64>), Misread> {
    let location: Option<Json<Vec<String>>> = answer.take(4)?;
    let location = location.map_or_else(Vec::new, |Json(location)| location);
    let outcome = Outcome {
        body: answer.take::<Option<_>>(0)?.unwrap_or_default(),
        rows: answer.take(1)?,
        total: answer.take(2)?,
        inserted: answer.take(3)?,
        said: Said {
            headers: answer.take_text(6),
            status: answer.take_text(7),
        },
        location: repository.key.iter().cloned().zip(location).collect(),
        ..Outcome::default()
    };
    Ok((outcome, answer.take(5)?))
}
