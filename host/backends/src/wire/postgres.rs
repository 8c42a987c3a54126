//! PostgreSQL's own protocol, and a pool of sessions that speak it.
//!
//! A connection that breaks says nothing of the others, so it raises a suspicion: all older connections are closed instead of
//! used, and the watch tries to connect. Only a failure to connect makes the database count as down. While it is down every
//! operation fails at once, also those that already wait for a connection.

mod checkout;
mod copy;
mod durability;
mod judged;
mod options;
mod pages;
mod pooler;
mod scripts;
mod session;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgListener, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, PgPool, Postgres, Row as _};
use tokio::time::timeout;

use checkout::Idle;
pub(crate) use options::Options;

use super::list::texts_alone;
use super::{Answer, Failure, Isolation, Listed, Opened, Pages, Reach, Undone, Wire};
use crate::error::Error;
use crate::settings::Settings;
use crate::sql::Statement;

/// The sessions of one database.
pub(crate) struct Pool {
    reach: Arc<Reach>,
    options: PgConnectOptions,
    /// Makes connections.
    maker: PgPool,
    settings: Settings,
    idle: Idle,
}

impl Pool {
    /// Connects to nothing yet.
    pub(crate) fn new(reach: Arc<Reach>, Options(options): Options, settings: Settings) -> Self {
        let maker = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            .test_before_acquire(false)
            .after_connect(|connection, _| Box::pin(durability::ensure(connection)))
            .connect_lazy_with(options.clone());
        Self {
            reach,
            options,
            maker,
            idle: Idle::new(settings.max_connections),
            settings,
        }
    }

    /// The same, for sessions that write nothing but the mirror: triggers and foreign keys are silent in all of them where
    /// that is granted. A transaction that silences them itself makes PostgreSQL forget every plan of its session, twice.
    /// Each statement sees what was committed before it, whatever the database's default: whoever waited for a table must see
    /// it as it is then. PostgreSQL compiles no statement: where a session discourages plans by their cost, it would take an acknowledgement
    /// of a millisecond for one worth a second of compiling.
    pub(crate) fn silent(reach: Arc<Reach>, Options(options): Options, settings: Settings) -> Self {
        let options = options.options([("default_transaction_isolation", "read committed"), ("jit", "off")]);
        let silent = options.clone().options([("session_replication_role", "replica")]);
        let pool = Self::new(reach, Options(options), settings);
        pool.maker.set_connect_options(silent);
        pool
    }

    /// The database ends a statement at its timeout and says so; if that doesn't come, nobody is there any more.
    fn patience(&self) -> Duration {
        self.settings.statement_timeout + self.settings.acquire_timeout
    }

    /// A connection outside the pool, within the acquire timeout.
    async fn connect(&self) -> Result<PgConnection, Error> {
        let reason = match timeout(self.settings.acquire_timeout, self.options.connect()).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => error.to_string(),
            Err(_) => NOT_IN_TIME.to_owned(),
        };
        Err(Error::Unavailable {
            backend: self.reach.backend,
            reason: reason.into(),
            in_doubt: false,
        })
    }

    async fn hear(&self, channel: &'static str, heard: &(dyn Fn(&str) + Send + Sync)) -> Result<(), sqlx::Error> {
        // Not of the pool, whose places are for operations.
        let alone = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(self.settings.acquire_timeout)
            .connect_lazy_with(self.options.clone());
        let mut listener = PgListener::connect_with(&alone).await?;
        listener.eager_reconnect(false);
        listener.listen(channel).await?;
        heard("");
        while let Some(notification) = listener.try_recv().await? {
            heard(notification.payload());
        }
        Ok(())
    }

    async fn look_at(&self, question: &Statement<'_>) -> Result<Result<Answer, Error>, String> {
        let patience = self.settings.acquire_timeout;
        let mut connection = match timeout(patience, self.options.connect()).await {
            Ok(Ok(connection)) => connection,
            // The server is alive and has no connection to spare.
            Ok(Err(error)) if judged::is_full(&error) && self.reach.pulse.is_up() => {
                return Ok(Err(self.answered(error)));
            }
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err(NOT_IN_TIME.to_owned()),
        };
        let parameters = match texts_alone(question, self.reach.backend) {
            Ok(parameters) => parameters,
            Err(error) => return Ok(Err(error)),
        };
        let asked = query(question, &parameters).fetch_one(&mut connection);
        let Ok(answer) = timeout(patience, asked).await else {
            return Err("it did not answer in time".to_owned());
        };
        let _ = timeout(patience, connection.close()).await;
        Ok(answer
            .map_err(|error| self.answered(error))
            .and_then(|row| self.read(&row)))
    }

    /// What the rows say that a statement is answered with.
    fn read_all(&self, statement: &Statement<'_>, rows: &[PgRow]) -> Result<Answer, Error> {
        match rows {
            [row] if !statement.in_lines => self.read(row),
            rows => self.read_lines(rows),
        }
    }

    /// One text of all rows.
    fn read_lines(&self, rows: &[PgRow]) -> Result<Answer, Error> {
        // The plan as JSON is of the type `json`, which is sent as its text.
        let lines = rows.iter().map(|row| row.try_get_unchecked::<&str, _>(0));
        let lines = lines.collect::<Result<Vec<_>, sqlx::Error>>();
        lines
            .map(|lines| Answer::new(vec![Some(lines.join("\n"))]))
            .map_err(|error| self.answered(error))
    }

    /// The texts of a row.
    fn read(&self, row: &PgRow) -> Result<Answer, Error> {
        let columns = 0..row.len();
        let texts = columns.map(|column| row.try_get(column));
        let texts = texts.collect::<Result<_, sqlx::Error>>();
        texts.map(Answer::new).map_err(|error| self.answered(error))
    }
}

/// Why there is no connection.
const NOT_IN_TIME: &str = "no connection could be made within the acquire timeout";

impl Wire for Pool {
    fn run<'a>(
        &'a self,
        statement: &'a Statement<'a>,
        made_since: Option<Instant>,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        let limit = statement
            .timeout
            .filter(|limit| *limit < self.settings.statement_timeout);
        if statement.rollback || limit.is_some() {
            return Box::pin(self.transact(statement, limit));
        }
        Box::pin(async move {
            let parameters = texts_alone(statement, self.reach.backend).map_err(Failure::NotSent)?;
            let mut checkout = self.acquire().await.map_err(Failure::NotSent)?;
            if made_since.is_some_and(|since| checkout.made < since) {
                checkout = self.renew(checkout).await.map_err(Failure::NotSent)?;
            }
            let asked = ask(&mut checkout.connection, statement, &parameters);
            let mut answer = timeout(self.patience(), asked).await;
            if statement.read_only {
                answer = match answer {
                    // It is the statement that is read-only, and not the session.
                    Ok(Err(error)) if let Some(refused) = self.refused_change(&error) => {
                        self.give_back(checkout);
                        return Err(Failure::Refused(refused));
                    }
                    answer => answer,
                };
            }
            let rows = self.judge(checkout, answer)?;
            self.read_all(statement, &rows).map_err(Failure::Refused)
        })
    }

    fn run_list<'a>(
        &'a self,
        list: &'a [Listed<'a>],
        isolation: Isolation,
    ) -> BoxFuture<'a, Result<Vec<Answer>, Undone<Failure>>> {
        Box::pin(self.transact_list(list, isolation))
    }

    fn look<'a>(&'a self, question: &'a Statement<'a>) -> BoxFuture<'a, Result<Result<Answer, Error>, String>> {
        Box::pin(self.look_at(question))
    }

    fn pages<'a>(
        &'a self,
        question: Statement<'static>,
        query: Statement<'static>,
    ) -> BoxFuture<'a, Result<Opened<'a>, Failure>> {
        Box::pin(async move {
            let (answer, pages) = self.begin_pages(&question, &query).await?;
            Ok((answer, Box::new(pages) as Box<dyn Pages>))
        })
    }

    fn copy_out<'a>(&'a self, query: &'a str, most: usize) -> BoxFuture<'a, Result<Option<Vec<u8>>, Failure>> {
        Box::pin(self.copy_rows_out(query, most))
    }

    fn copy_in<'a>(
        &'a self,
        first: &'a Statement<'a>,
        table: &'a str,
        rows: &'a [u8],
        last: Option<&'a Statement<'a>>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.copy_rows_in(first, table, rows, last))
    }

    fn run_scripts<'a>(&'a self, scripts: &'a [String], rehearse: bool) -> BoxFuture<'a, Result<Vec<String>, Error>> {
        Box::pin(self.transact_scripts(scripts, rehearse))
    }

    fn vacuum<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let mut checkout = self.acquire().await.map_err(Failure::NotSent)?;
            let vacuum = sqlx::query(AssertSqlSafe(format!("vacuum (truncate false) {table}")));
            let done = timeout(self.patience(), vacuum.execute(&mut checkout.connection)).await;
            self.judge(checkout, done).map(drop)
        })
    }

    fn listen<'a>(
        &'a self,
        channel: &'static str,
        heard: &'a (dyn Fn(&str) + Send + Sync),
    ) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { self.hear(channel, heard).await.map_err(|error| error.to_string()) })
    }

    fn obstacle(&self) -> BoxFuture<'_, Result<Option<String>, Error>> {
        Box::pin(self.pooler())
    }
}

/// The rows that a statement is answered with: one, unless they are lines.
async fn ask(
    connection: &mut PgConnection,
    statement: &Statement<'_>,
    parameters: &[Option<Cow<'_, str>>],
) -> Result<Vec<PgRow>, sqlx::Error> {
    let asked = query(statement, parameters);
    if statement.in_lines {
        return asked.fetch_all(connection).await;
    }
    Ok(vec![asked.fetch_one(connection).await?])
}

fn query<'q>(statement: &'q Statement<'_>, parameters: &'q [Option<Cow<'_, str>>]) -> Query<'q, Postgres, PgArguments> {
    let mut query = sqlx::query(AssertSqlSafe(statement.text.as_str()));
    for parameter in parameters {
        query = query.bind(parameter.as_deref());
    }
    query
}
