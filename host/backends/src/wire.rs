//! What carries statements to one database and brings its answers back: all that is asked of a database goes through a [`Wire`].
//!
//! Parameters are texts, and an answer is one row of texts; so a statement reads the same whatever carries it. A list goes as
//! the text of an array (`$1::text[]`), a number as its digits (`$1::int8`), bytes as hex. Many rows come as one JSON text.
//!
//! - `postgres` speaks PostgreSQL's own protocol, and alone knows the driver.
//! - `scripted` says what a test has written down for it.
//!
//! What every wire needs, such as another attempt after contention, is in `connections`.

mod answer;
mod isolation;
mod list;
mod postgres;
mod pulse;
mod reach;
mod refusal;
#[cfg(feature = "scripted")]
mod scripted;
mod trust;

use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use turnout_vocabulary::Backend;

pub(crate) use answer::{Answer, FromText, Hex, Json, Misread};
pub use isolation::Isolation;
pub(crate) use list::{Listed, texts_alone};
pub use list::{Undone, Why};
pub(crate) use postgres::{Options, Pool};
pub(crate) use reach::Reach;
pub(crate) use refusal::Refusal;
#[cfg(feature = "scripted")]
pub(crate) use scripted::Scripted;
#[cfg(feature = "scripted")]
pub use scripted::{Asked, Said, Script};

use crate::error::Error;
use crate::sql::Statement;

/// What carries statements to one database. What it learns of the database it tells its [`Reach`].
pub(crate) trait Wire: Send + Sync {
    /// Runs a statement once, in a transaction of its own, which is taken back if the statement says so; it answers with one row, or with
    /// the lines of one text. Where the wire keeps sessions, in one that was made since then.
    fn run<'a>(
        &'a self,
        statement: &'a Statement<'a>,
        made_since: Option<Instant>,
    ) -> BoxFuture<'a, Result<Answer, Failure>>;

    /// Runs statements once, one after the other as one transaction: all of them, or none. The answers that are kept. An error
    /// without a place, but for one that was not sent, leaves open whether all of it was done.
    fn run_list<'a>(
        &'a self,
        list: &'a [Listed<'a>],
        isolation: Isolation,
    ) -> BoxFuture<'a, Result<Vec<Answer>, Undone<Failure>>>;

    /// Asks a question in a new session, also while the database counts as down. What the database answers, or why there was no
    /// answer.
    fn look<'a>(&'a self, question: &'a Statement<'a>) -> BoxFuture<'a, Result<Result<Answer, Error>, String>>;

    /// Begins to read the texts that a query without parameters answers with, too many for one answer, as they are at one moment.
    /// Also what a question answers with at that moment.
    fn pages<'a>(
        &'a self,
        question: Statement<'static>,
        query: Statement<'static>,
    ) -> BoxFuture<'a, Result<Opened<'a>, Failure>>;

    /// Reads what a query without parameters answers with, as COPY writes it: a line for each row. `None` if that is more than so many
    /// bytes.
    fn copy_out<'a>(&'a self, query: &'a str, most: usize) -> BoxFuture<'a, Result<Option<Vec<u8>>, Failure>>;

    /// Copies such lines into a table, `schema.table (columns)`, in a transaction that begins with one statement and ends with another.
    /// Without another it is taken back.
    fn copy_in<'a>(
        &'a self,
        first: &'a Statement<'a>,
        table: &'a str,
        rows: &'a [u8],
        last: Option<&'a Statement<'a>>,
    ) -> BoxFuture<'a, Result<(), Failure>>;

    /// Runs scripts of several statements each in one transaction, which is taken back if it is a rehearsal. The texts that
    /// they answer with.
    fn run_scripts<'a>(&'a self, scripts: &'a [String], rehearse: bool) -> BoxFuture<'a, Result<Vec<String>, Error>>;

    /// Gives room in a table back to it, if the wire and the role can: otherwise the database does so later by itself.
    fn vacuum<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<(), Failure>>;

    /// Tells what is sent to a channel, over a session of its own, until that breaks. Begins with an empty message. Over a wire that can't
    /// listen nothing ever comes.
    fn listen<'a>(
        &'a self,
        channel: &'static str,
        heard: &'a (dyn Fn(&str) + Send + Sync),
    ) -> BoxFuture<'a, Result<(), String>>;

    /// Why something between the host and the database spoils sessions, in words; `None` if nothing does.
    fn obstacle(&self) -> BoxFuture<'_, Result<Option<String>, Error>>;
}

/// What a question was answered with, and the pages that stand at the same moment.
pub(crate) type Opened<'p> = (Answer, Box<dyn Pages + 'p>);

/// Texts that are read page by page.
pub(crate) trait Pages: Send {
    /// The next page; empty after the last.
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<String>, Failure>>;

    /// Ends the reading before the last page. Dropped instead, its session is lost.
    fn close<'a>(self: Box<Self>) -> BoxFuture<'a, ()>
    where
        Self: 'a;
}

/// Why one attempt at a statement failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was not sent.
    NotSent(Error),
    /// The database answered with an error.
    Refused(Error),
    /// The connection broke before an answer came.
    Broke(Arc<str>),
    /// No answer came in the time that the longest statement may take.
    Silent,
}

impl Failure {
    /// The error that it means, if the statement may have been done without an answer or not.
    pub(crate) fn into_error(self, backend: Backend, in_doubt: bool) -> Error {
        let reason = match self {
            Self::NotSent(error) | Self::Refused(error) => return error,
            Self::Broke(reason) => reason,
            Self::Silent => "it did not answer in time".into(),
        };
        Error::Unavailable {
            backend,
            reason,
            in_doubt,
        }
    }
}
