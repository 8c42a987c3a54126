use std::time::Instant;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgRow;
use tokio::time::timeout;

use super::lease::Lease;
use super::{Connections, Failure, query};
use crate::error::Error;
use crate::sql::Statement;

/// A connection in use by one transaction. Unless this has come to its end by the time it is dropped, the connection is
/// closed, and with it the transaction is rolled back.
pub(crate) struct Session<'a> {
    connections: &'a Connections,
    lease: Lease<'a>,
}

impl Connections {
    /// A connection on which this statement has begun a transaction. One that breaks there is replaced once.
    pub(crate) async fn begin(&self, statement: &str) -> Result<Session<'_>, Error> {
        let mut again = true;
        loop {
            let mut session = Session {
                connections: self,
                lease: self.acquire().await?,
            };
            match session.say(statement).await {
                Err(Failure::Broke(_)) if again => again = false,
                begun => return begun.map(|()| session).map_err(|failure| self.error(failure, false)),
            }
        }
    }
}

impl Session<'_> {
    /// Runs a statement that answers with one row. While the transaction has not come to its end, nothing is done.
    pub(crate) async fn run(&mut self, statement: &Statement<'_>) -> Result<PgRow, Error> {
        let Self { connections, lease } = self;
        let began = Instant::now();
        let answer = Box::pin(timeout(
            connections.patience(),
            query(statement).fetch_one(&mut lease.connection),
        ))
        .await;
        let answer = connections.understand(lease.made, answer);
        if matches!(answer, Ok(_) | Err(Failure::Refused(_))) {
            connections.pulse.record(began.elapsed());
        }
        answer.map_err(|failure| connections.error(failure, false))
    }

    /// Runs a statement that answers with any number of rows.
    pub(crate) async fn rows(&mut self, statement: &Statement<'_>) -> Result<Vec<PgRow>, Error> {
        let Self { connections, lease } = self;
        let rows = query(statement).fetch_all(&mut lease.connection);
        let answer = Box::pin(timeout(connections.patience(), rows)).await;
        let answer = connections.understand(lease.made, answer);
        answer.map_err(|failure| connections.error(failure, false))
    }

    /// Runs statements of our own making that answer with nothing.
    pub(crate) async fn prepare(&mut self, text: &str) -> Result<(), Error> {
        let said = self.say(text).await;
        said.map_err(|failure| self.connections.error(failure, false))
    }

    /// Ends the transaction by this statement, and gives the connection back.
    pub(crate) async fn end(mut self, end: &str) -> Result<(), Error> {
        let ended = self.say(end).await;
        if matches!(ended, Ok(()) | Err(Failure::Refused(_))) {
            self.connections.give_back(self.lease);
        }
        ended.map_err(|failure| self.connections.error(failure, true))
    }

    /// Sends a statement without parameters, of our own making.
    async fn say(&mut self, text: &str) -> Result<(), Failure> {
        let Self { connections, lease } = self;
        let query = sqlx::raw_sql(AssertSqlSafe(text));
        let answer = Box::pin(timeout(connections.patience(), query.execute(&mut lease.connection))).await;
        connections.understand(lease.made, answer).map(drop)
    }
}
