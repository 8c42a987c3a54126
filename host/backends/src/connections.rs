//! The pool of one backend, and what is done about connections that break.
//!
//! A connection that breaks says nothing of the others, so it raises a suspicion: all older connections are closed
//! instead of used, and the watch tries to connect. Only a failure to connect makes the backend count as down.
//! While it is down every operation fails at once, also those that already wait for a connection; the watch goes on
//! trying, and its first success ends it.

mod failure;
mod lease;
mod session;
mod trust;
mod watch;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, PgPool, Postgres};
use tokio::sync::Notify;
use tokio::time::timeout;
use turnout_vocabulary::{Backend, Repository};

use failure::Failure;
use lease::Idle;
pub(crate) use session::Session;
use trust::Trust;
pub(crate) use watch::Watch;

use crate::error::Error;
use crate::health::Pulse;
use crate::schema::{Schema, introspect};
use crate::settings::Settings;
use crate::sql::{Parameter, Statement};

/// The connections to one backend.
pub(crate) struct Connections {
    backend: Backend,
    options: PgConnectOptions,
    pool: PgPool,
    settings: Settings,
    pulse: Pulse,
    trust: Trust,
    idle: Idle,
    /// Why the backend is down, if it is.
    reason: Mutex<Arc<str>>,
    suspected: Notify,
    went_down: Notify,
}

impl Connections {
    /// Connects to nothing yet.
    pub(crate) fn new(backend: Backend, options: PgConnectOptions, settings: Settings) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            .test_before_acquire(false)
            .connect_lazy_with(options.clone());
        Self {
            backend,
            options,
            pool,
            idle: Idle::new(settings.max_connections),
            settings,
            pulse: Pulse::new(),
            trust: Trust::new(),
            reason: Mutex::new("".into()),
            suspected: Notify::new(),
            went_down: Notify::new(),
        }
    }

    /// The same, for sessions that write nothing but the mirror: triggers and foreign keys are silent in all of them where
    /// that is granted. A transaction that silences them itself makes PostgreSQL forget every plan of its session, twice.
    /// Each statement sees what was committed before it, whatever the database's default: whoever waited for a table must see
    /// it as it is then.
    pub(crate) fn silent(backend: Backend, options: PgConnectOptions, settings: Settings) -> Self {
        let options = options.options([("default_transaction_isolation", "read committed")]);
        let connections = Self::new(backend, options, settings);
        let silent = connections
            .options
            .clone()
            .options([("session_replication_role", "replica")]);
        connections.pool.set_connect_options(silent);
        connections
    }

    pub(crate) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Runs a statement that answers with one row. One that is `repeatable` is tried once more if its connection
    /// breaks.
    pub(crate) async fn run(&self, statement: &Statement<'_>, repeatable: bool) -> Result<PgRow, Error> {
        let began = Instant::now();
        // Boxed: the driver's futures take kilobytes, and every layer above would move them with its own.
        let mut answer = Box::pin(self.attempt(statement)).await;
        if repeatable && matches!(answer, Err(Failure::Broke(_))) {
            answer = Box::pin(self.attempt(statement)).await;
        }
        if matches!(answer, Ok(_) | Err(Failure::Refused(_))) {
            self.pulse.record(began.elapsed());
        }
        answer.map_err(|failure| self.error(failure, !repeatable))
    }

    /// Runs a statement that answers with any number of rows. It is never repeated.
    pub(crate) async fn rows(&self, statement: &Statement<'_>) -> Result<Vec<PgRow>, Error> {
        let mut lease = self.acquire().await?;
        let answer = timeout(self.patience(), query(statement).fetch_all(&mut lease.connection)).await;
        self.judge(lease, answer).map_err(|failure| self.error(failure, true))
    }

    /// A connection outside the pool.
    pub(crate) async fn connect(&self) -> Result<PgConnection, Error> {
        self.options.connect().await.map_err(|error| Error::Unavailable {
            backend: self.backend,
            reason: error.to_string().into(),
            in_doubt: false,
        })
    }

    /// Reads what the repositories' tables look like.
    pub(crate) async fn introspect(&self, repositories: &[Repository]) -> Result<Schema, Error> {
        let mut lease = self.acquire().await?;
        let answer = timeout(
            self.patience(),
            introspect(&mut lease.connection, self.backend, repositories),
        )
        .await;
        self.judge(lease, answer).map_err(|failure| self.error(failure, false))
    }

    async fn attempt(&self, statement: &Statement<'_>) -> Result<PgRow, Failure> {
        let mut lease = self.acquire().await.map_err(Failure::NotSent)?;
        let answer = timeout(self.patience(), query(statement).fetch_one(&mut lease.connection)).await;
        self.judge(lease, answer)
    }

    /// The database ends a statement at its timeout and says so; if that doesn't come, nobody is there any more.
    fn patience(&self) -> Duration {
        self.settings.statement_timeout + self.settings.acquire_timeout
    }
}

fn query<'q>(statement: &'q Statement<'_>) -> Query<'q, Postgres, PgArguments> {
    let mut query = sqlx::query(AssertSqlSafe(statement.text.as_str()));
    for parameter in &statement.parameters {
        query = match *parameter {
            Parameter::Text(text) => query.bind(text),
            Parameter::List(texts) => query.bind(texts),
            Parameter::Bytes(bytes) => query.bind(bytes),
            Parameter::Number(number) => query.bind(number),
        };
    }
    query
}
