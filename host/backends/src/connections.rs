//! The connections to one database for one use, over whichever wire: what every wire needs beside carrying statements.
//!
//! A statement that others got in the way of is tried again, also a read whose connection broke. A condition that keeps the
//! database from carrying out statements is kept in mind. The watch finds out when a database that is down has recovered.

mod contention;
mod listen;
mod readiness;
mod watch;

use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use tokio::time::sleep;
use turnout_vocabulary::{Backend, Health, Repository};

pub(crate) use listen::listen;
use readiness::Readiness;
pub(crate) use watch::watch;

use crate::error::Error;
use crate::schema::{Schema, introspection, read_schema};
use crate::sql::Statement;
use crate::wire::{Answer, Failure, Isolation, Listed, Pages as PagesOfWire, Reach, Undone, Why, Wire};

/// The connections to one database.
pub(crate) struct Connections {
    wire: Box<dyn Wire>,
    reach: Arc<Reach>,
    readiness: Readiness,
}

/// Texts that are read page by page.
pub(crate) struct Pages<'c> {
    connections: &'c Connections,
    pages: Box<dyn PagesOfWire + 'c>,
}

impl Connections {
    /// Those over the wire that this makes. They connect to nothing yet.
    pub(crate) fn over<W: Wire + 'static>(backend: Backend, wire: impl FnOnce(Arc<Reach>) -> W) -> Self {
        let reach = Arc::new(Reach::new(backend));
        Self {
            wire: Box::new(wire(Arc::clone(&reach))),
            reach,
            readiness: Readiness::default(),
        }
    }

    /// Which backend they lead to.
    pub(crate) fn backend(&self) -> Backend {
        self.reach.backend
    }

    /// How the database is doing.
    pub(crate) fn health(&self) -> Health {
        self.reach.pulse.health()
    }

    /// What the backend last said that it was not ready for, in words that follow its name; `None` if it has written since.
    pub(crate) fn condition(&self) -> Option<&'static str> {
        self.readiness.condition()
    }

    /// Runs a statement. One that is `repeatable` is tried once more if its connection breaks. Any statement is tried again
    /// if it is certain that nothing was done: a few times if another transaction was in the way, and once on a new session if
    /// the session was read-only.
    pub(crate) async fn run(&self, statement: &Statement<'_>, repeatable: bool) -> Result<Answer, Error> {
        let mut attempts = 1;
        let (mut broke, mut renewed) = (false, false);
        let mut made_since = None;
        loop {
            let answer = self.timed(self.wire.run(statement, made_since)).await;
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
                        self.readiness.has_written(self.reach.backend);
                    }
                    return answer.map_err(|failure| self.error(failure, !repeatable));
                }
            }
        }
    }

    /// Runs a statement once, whatever comes.
    pub(crate) async fn run_once(&self, statement: &Statement<'_>) -> Result<Answer, Error> {
        let answer = self.noted(self.wire.run(statement, None).await);
        answer.map_err(|failure| self.error(failure, true))
    }

    /// Runs a list of statements as one transaction, once. Of the time that it took each has the same share.
    pub(crate) async fn run_list(
        &self,
        list: &[Listed<'_>],
        isolation: Isolation,
    ) -> Result<Vec<Answer>, Undone<Error>> {
        let began = Instant::now();
        match self.wire.run_list(list, isolation).await {
            Ok(answers) => {
                let statements = u32::try_from(list.len()).unwrap_or(u32::MAX).max(1);
                self.reach.pulse.record(began.elapsed() / statements);
                Ok(answers)
            }
            Err(undone) => {
                if let Why::Failed(Failure::Refused(error)) = &undone.why {
                    self.readiness.note(error);
                }
                let in_doubt = undone.at.is_none();
                Err(undone.map(|failure| self.error(failure, in_doubt)))
            }
        }
    }

    /// Begins to read the texts that a query answers with, as they are at one moment, and what a question answers with then.
    pub(crate) async fn pages(
        &self,
        question: Statement<'static>,
        query: Statement<'static>,
    ) -> Result<(Answer, Pages<'_>), Error> {
        let begun = self.noted(self.wire.pages(question, query).await);
        let (answer, pages) = begun.map_err(|failure| self.error(failure, false))?;
        let connections = self;
        Ok((answer, Pages { connections, pages }))
    }

    /// Reads what a query without parameters answers with, as COPY writes it; `None` if that is more than so many bytes.
    pub(crate) async fn copy_out(&self, query: &str, most: usize) -> Result<Option<Vec<u8>>, Error> {
        let rows = self.noted(self.wire.copy_out(query, most).await);
        rows.map_err(|failure| self.error(failure, false))
    }

    /// Copies such lines into a table in a transaction that begins with one statement and ends with another; with no other it is taken back.
    pub(crate) async fn copy_in(
        &self,
        first: &Statement<'_>,
        table: &str,
        rows: &[u8],
        last: Option<&Statement<'_>>,
    ) -> Result<(), Error> {
        let done = self.noted(self.wire.copy_in(first, table, rows, last).await);
        done.map_err(|failure| self.error(failure, true))
    }

    /// Reads what the repositories' tables look like, and what else the exposed schemas hold.
    pub(crate) async fn introspect(&self, repositories: &[Repository], exposed: &[String]) -> Result<Schema, Error> {
        let answer = self.noted(self.wire.run(&introspection(repositories, exposed), None).await);
        let answer = answer.map_err(|failure| self.error(failure, false))?;
        read_schema(answer, self.reach.backend, repositories)
    }

    /// Runs scripts in one transaction; the texts that they answer with.
    pub(crate) async fn run_scripts(&self, scripts: &[String], rehearse: bool) -> Result<Vec<String>, Error> {
        self.wire.run_scripts(scripts, rehearse).await
    }

    /// Gives room in a table back to it, if that can be done.
    pub(crate) async fn vacuum(&self, table: &str) -> Result<(), Error> {
        let done = self.noted(self.wire.vacuum(table).await);
        done.map_err(|failure| self.error(failure, true))
    }

    /// Why something between the host and the database spoils sessions, in words.
    pub(crate) async fn obstacle(&self) -> Result<Option<String>, Error> {
        self.wire.obstacle().await
    }

    /// Waits for the answer to a statement, and records how long it took.
    async fn timed(&self, answer: BoxFuture<'_, Result<Answer, Failure>>) -> Result<Answer, Failure> {
        let began = Instant::now();
        let answer = self.noted(answer.await);
        if matches!(answer, Ok(_) | Err(Failure::Refused(_))) {
            self.reach.pulse.record(began.elapsed());
        }
        answer
    }

    /// Keeps in mind what an answer says of the database.
    fn noted<T>(&self, answer: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(Failure::Refused(error)) = &answer {
            self.readiness.note(error);
        }
        answer
    }

    fn error(&self, failure: Failure, in_doubt: bool) -> Error {
        failure.into_error(self.reach.backend, in_doubt)
    }
}

impl Pages<'_> {
    /// The next page; empty after the last.
    pub(crate) async fn next(&mut self) -> Result<Vec<String>, Error> {
        let page = self.connections.noted(self.pages.next().await);
        page.map_err(|failure| self.connections.error(failure, false))
    }

    /// Ends the reading before the last page.
    pub(crate) async fn close(self) {
        self.pages.close().await;
    }
}
