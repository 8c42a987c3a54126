//! The pool of one backend, and what is done about connections that break.
//!
//! A connection that breaks says nothing of the others, so it raises a suspicion: all older connections are closed
//! instead of used, and the watch tries to connect. Only a failure to connect makes the backend count as down.
//! While it is down every operation fails at once, also those that already wait for a connection; the watch goes on
//! trying, and its first success ends it.

mod contention;
mod durability;
mod failure;
mod lease;
mod readiness;
mod session;
mod trust;
mod watch;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, PgPool, Postgres};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use turnout_vocabulary::{Backend, Repository};

use failure::Failure;
use lease::Idle;
use readiness::Readiness;
pub(crate) use session::Session;
use trust::Trust;
pub(crate) use watch::watch;

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
    readiness: Readiness,
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
            .after_connect(|connection, _| Box::pin(durability::ensure(connection)))
            .connect_lazy_with(options.clone());
        Self {
            backend,
            options,
            pool,
            idle: Idle::new(settings.max_connections),
            settings,
            pulse: Pulse::new(),
            trust: Trust::new(),
            readiness: Readiness::default(),
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
    /// breaks. Any statement is tried again if it is certain that nothing was done: a few times if another transaction was in
    /// the way, and once on a new session if the session was read-only.
    pub(crate) async fn run(&self, statement: &Statement<'_>, repeatable: bool) -> Result<PgRow, Error> {
        let mut attempts = 1;
        let (mut broke, mut renewed) = (false, false);
        let mut made_since = None;
        loop {
            let began = Instant::now();
            // Boxed: the driver's futures take kilobytes, and every layer above would move them with its own.
            let answer = Box::pin(self.attempt(statement, made_since)).await;
            if matches!(answer, Ok(_) | Err(Failure::Refused(_))) {
                self.pulse.record(began.elapsed());
            }
            match &answer {
                Err(Failure::Broke(_)) if repeatable && !broke => broke = true,
                Err(Failure::Refused(error)) if error.is_contention() && attempts < contention::ATTEMPTS => {
                    sleep(contention::pause(attempts)).await;
                    attempts += 1;
                }
                Err(Failure::Refused(error)) if error.is_read_only() && !renewed => {
                    renewed = true;
                    made_since = Some(Instant::now());
                }
                _ => {
                    if !repeatable && answer.is_ok() {
                        self.readiness.has_written(self.backend);
                    }
                    return answer.map_err(|failure| self.error(failure, !repeatable));
                }
            }
        }
    }

    /// What the backend last said that it was not ready for, in words that follow its name; `None` if it has written since.
    pub(crate) fn condition(&self) -> Option<&'static str> {
        self.readiness.condition()
    }

    /// Runs a statement that answers with any number of rows. It is never repeated.
    pub(crate) async fn rows(&self, statement: &Statement<'_>) -> Result<Vec<PgRow>, Error> {
        let mut lease = self.acquire().await?;
        let answer = timeout(self.patience(), query(statement).fetch_all(&mut lease.connection)).await;
        self.judge(lease, answer).map_err(|failure| self.error(failure, true))
    }

    /// A connection outside the pool, within the acquire timeout.
    pub(crate) async fn connect(&self) -> Result<PgConnection, Error> {
        let reason = match timeout(self.settings.acquire_timeout, self.options.connect()).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no connection could be made within the acquire timeout".to_owned(),
        };
        Err(Error::Unavailable {
            backend: self.backend,
            reason: reason.into(),
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

    /// Sends a statement once, on a session that was made since then, if that matters.
    async fn attempt(&self, statement: &Statement<'_>, made_since: Option<Instant>) -> Result<PgRow, Failure> {
        let mut lease = self.acquire().await.map_err(Failure::NotSent)?;
        if made_since.is_some_and(|since| lease.made < since) {
            lease = self.renew(lease).await.map_err(Failure::NotSent)?;
        }
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
