pub(crate) mod sqlstate;

use std::fmt;
use std::sync::Arc;

use turnout_vocabulary::{Backend, Operator};

use crate::wire::Misread;

/// Why a backend did not carry out an operation.
///
/// Neither `Display` nor `Debug` holds values of rows or filters, so both may go to a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The backend's URL can't be used at all.
    #[error("the url of backend {backend} can't be used: {reason}; write postgres://user:password@host:port/database")]
    Url {
        /// The backend.
        backend: Backend,
        /// What is wrong with the URL, without repeating it.
        reason: String,
    },
    /// No connection to the backend can be had, or the one in use broke.
    #[error("backend {backend} is unavailable: {reason}")]
    Unavailable {
        /// The backend.
        backend: Backend,
        /// What failed.
        reason: Arc<str>,
        /// Whether the operation was sent and may have been carried out, though no answer came.
        in_doubt: bool,
    },
    /// The backend is alive, but all its connections stayed busy for the whole acquire timeout.
    #[error("all connections to backend {backend} are busy; try again, or raise the size of its pool")]
    Exhausted {
        /// The backend.
        backend: Backend,
    },
    /// The backend answers, but for now it can't carry out statements of this kind. Nothing was done.
    #[error("backend {backend} {condition} (SQLSTATE {sqlstate}); nothing was done")]
    NotReady {
        /// The backend.
        backend: Backend,
        /// What the backend is in the way of, in words that follow its name.
        condition: &'static str,
        /// What PostgreSQL reported.
        sqlstate: String,
    },
    /// The repository's table is not in the database.
    #[error("backend {backend} has no table {table}; create it, or correct the repository's settings")]
    UnknownTable {
        /// The backend.
        backend: Backend,
        /// The table with its schema.
        table: String,
    },
    /// The operation names a column that the table does not have.
    #[error("table {table} has no column {column}; correct the operation")]
    UnknownColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Where the operation names it.
        usage: ColumnUse,
    },
    /// The operation embeds a table that no relationship leads to.
    #[error("no relationship leads from {} to {}; correct the operation, or add a foreign key", .0.origin, .0.target)]
    UnknownRelationship(Box<UnknownRelationship>),
    /// The operation embeds a table to which several relationships lead.
    #[error("several relationships lead from {origin} to {target}; name one of them in the operation")]
    AmbiguousRelationship {
        /// The table that they start from.
        origin: String,
        /// What the operation names them by.
        target: String,
        /// The relationships.
        candidates: Vec<Candidate>,
    },
    /// Two tables are embedded in the same rows under one name.
    #[error("table name \"{alias}\" specified more than once")]
    EmbeddedTwice {
        /// The names of the table around and of the embedded one, and the depth, as PostgREST joins them.
        alias: String,
    },
    /// An order names a table that is not embedded.
    #[error("{name} is not embedded; embed it, or correct the order")]
    NotEmbedded {
        /// The name.
        name: String,
    },
    /// An order names a column of embedded rows of which there may be several.
    #[error("rows of {origin} can't be ordered by {target}, of which there may be several; correct the order")]
    OrderByMany {
        /// The table whose rows are ordered.
        origin: String,
        /// The name of the embedded table.
        target: String,
    },
    /// An aggregate stands in a table that is spread and of which several rows may be related.
    #[error(
        "rows of {target} can't be aggregated where they are spread, as several may be related; embed the table instead"
    )]
    AggregateOfMany {
        /// What the operation names the table by.
        target: String,
    },
    /// A filter compares an embedded table with something else than null.
    #[error("the embedded table {name} can only be compared with null; correct the filter")]
    EmbedCompared {
        /// The name of the embedded table.
        name: String,
    },
    /// The operation calls a function that there is not.
    #[error("there is no function {} with these arguments; correct the operation", .0.function)]
    UnknownFunction(Box<UnknownFunction>),
    /// A call of a function stands where rows of a table are meant.
    #[error("a call of function {function} can't stand here; call it by itself")]
    Misplaced {
        /// The function.
        function: String,
    },
    /// The number of values is limited of a function that always answers with one.
    #[error("function {function} answers with one value, whose number can't be limited; leave the limit out")]
    LimitedValue {
        /// The function.
        function: String,
    },
    /// The operation calls a function that can't be told from others.
    #[error("there are several functions with these arguments; rename arguments of one of them")]
    AmbiguousFunction {
        /// The functions with their arguments.
        candidates: Vec<String>,
    },
    /// A column is cast to something that can't be the name of a type.
    #[error("a cast must name a type, such as text or int4[]")]
    InvalidCast {
        /// What was written as the type.
        cast: String,
    },
    /// A filter compares with something that its operator does not take.
    #[error("the operand for column {column} does not fit the operator {operator:?}; correct the operation")]
    MismatchedOperand {
        /// The column.
        column: String,
        /// The operator.
        operator: Operator,
    },
    /// Exactly one row was asked for, and there is another number of them. A write has been taken back.
    #[error("one row was asked for, there are {rows}")]
    NotSingle {
        /// How many rows there are.
        rows: u64,
    },
    /// Callers have roles of their own only where Turnout is installed.
    #[error(
        "backend {backend} can't run requests under the roles of their tokens, because Turnout is not installed there; \
         run `turnout install {backend}`"
    )]
    NoRoles {
        /// The backend.
        backend: Backend,
    },
    /// More rows would have been written than the operation allows. The write has been taken back.
    #[error("the operation allows fewer rows than the {rows} that it would have written")]
    TooManyAffected {
        /// How many rows there are.
        rows: u64,
    },
    /// An upsert of one row has not the key that its caller names. Nothing was done.
    #[error("the row to be written has another key than the one that the operation names")]
    AnotherKey,
    /// The operation asks for a time zone that the backend does not know. Nothing was done.
    #[error("the operation asks for a time zone that is not known; correct the operation")]
    UnknownTimezone,
    /// The operation was decided under an epoch that is over; nothing was done. Decide it again under a newer one.
    #[error("backend {backend} no longer accepts this epoch")]
    Fenced {
        /// The backend.
        backend: Backend,
    },
    /// The tables have changed since they were last read, and the operation did not fit them; nothing was done. Do it again.
    #[error("the tables of backend {backend} have changed meanwhile; nothing was done, try again")]
    Outdated {
        /// The backend.
        backend: Backend,
    },
    /// Another applier has taken the lease; nothing was done.
    #[error("the lease of the mirror on backend {backend} has another holder")]
    Dispossessed {
        /// The backend.
        backend: Backend,
    },
    /// A side was restored from the past: nothing is mirrored until a person says which side's rows count.
    #[error(
        "backend {side} was restored from the past ({reason}); nothing is mirrored and no authority moves until you say which side's \
         rows count: `turnout rejoin old` or `turnout rejoin new`"
    )]
    Rewound {
        /// The side.
        side: Backend,
        /// What gave it away.
        reason: String,
    },
    /// PostgreSQL refused the statement.
    #[error(transparent)]
    Database(Box<DatabaseError>),
    /// The backend answered with something that is no answer to what it was asked.
    #[error("backend {backend} answered in an unexpected way: {reason}")]
    Unexpected {
        /// The backend.
        backend: Backend,
        /// What was unexpected.
        reason: String,
    },
}

/// A relationship that an operation names and that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRelationship {
    /// The table that it starts from.
    pub origin: String,
    /// What the operation names it by.
    pub target: String,
    /// What was to choose between several.
    pub hint: Option<String>,
    /// The schema in which was looked.
    pub schema: String,
    /// A name that may have been meant, and the name in whose place.
    pub suggestion: Option<(String, String)>,
}

/// One of several relationships that an operation may mean, in PostgREST's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// `one-to-many`, `many-to-one`, `one-to-one` or `many-to-many`.
    pub cardinality: &'static str,
    /// Both tables.
    pub embedding: String,
    /// The foreign key or the table between, with the columns.
    pub relationship: String,
    /// What the operation names it by to choose it.
    pub choice: String,
}

/// A function that there is not.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownFunction {
    /// Its name with the schema.
    pub function: String,
    /// The names of the arguments that it was given.
    pub arguments: Vec<String>,
    /// The types of the one nameless argument that would have taken the whole body, if there is a body.
    pub whole: Option<&'static str>,
    /// A function that may have been meant.
    pub alike: Option<String>,
}

/// Where an operation names a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnUse {
    /// In a filter, an order, a selection or a conflict target.
    Read,
    /// Among the columns to be written.
    Written,
}

/// An error of PostgreSQL itself, as it is passed on to the caller.
///
/// Message, details and hint may hold values of rows: they are for the caller, never for a log.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("backend {backend} refused the statement with SQLSTATE {sqlstate}")]
pub struct DatabaseError {
    /// The backend.
    pub backend: Backend,
    /// The five characters that say what kind of error it is.
    pub sqlstate: String,
    /// PostgreSQL's message.
    pub message: String,
    /// PostgreSQL's details, if it gave any.
    pub details: Option<String>,
    /// PostgreSQL's hint, if it gave any.
    pub hint: Option<String>,
}

impl fmt::Debug for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseError")
            .field("backend", &self.backend)
            .field("sqlstate", &self.sqlstate)
            .finish_non_exhaustive()
    }
}

impl Error {
    /// An answer that is none to what was asked.
    pub(crate) fn unexpected(backend: Backend, misread: &Misread) -> Self {
        Self::Unexpected {
            backend,
            reason: misread.to_string(),
        }
    }

    /// What PostgreSQL refused the statement with, if it did.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Database(error) => Some(&error.sqlstate),
            _ => None,
        }
    }

    /// Whether nothing was done because another transaction was in the way, so that the next attempt may succeed.
    #[must_use]
    pub fn is_contention(&self) -> bool {
        matches!(
            self.sqlstate(),
            Some(sqlstate::SERIALIZATION_FAILURE | sqlstate::DEADLOCK_DETECTED)
        )
    }

    /// Whether a row refers to one that is not there, or is referred to by one that is.
    #[must_use]
    pub fn is_foreign_key_violation(&self) -> bool {
        self.sqlstate() == Some(sqlstate::FOREIGN_KEY_VIOLATION)
    }

    /// Whether a lock was not had within the time for it.
    #[must_use]
    pub fn is_lock_timeout(&self) -> bool {
        self.sqlstate() == Some(sqlstate::LOCK_NOT_AVAILABLE)
    }

    /// Whether the statement took longer than it may, or somebody cancelled it.
    #[must_use]
    pub fn is_canceled(&self) -> bool {
        self.sqlstate() == Some(sqlstate::QUERY_CANCELED)
    }

    /// Whether the statement was too much for the server, so that a smaller one may go well: it was cancelled, memory or disk
    /// were used up, or a limit was passed.
    #[must_use]
    pub fn is_too_much(&self) -> bool {
        self.is_canceled()
            || self
                .sqlstate()
                .is_some_and(|code| code.starts_with("53") || code.starts_with("54"))
    }

    /// Whether the backend failed, and not what it was asked: it can't be had, is not ready, has no room, took too long, or has a fault of
    /// its own.
    #[must_use]
    pub fn is_backend_failure(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Exhausted { .. } | Self::NotReady { .. } | Self::Unexpected { .. } => true,
            _ => self
                .sqlstate()
                .is_some_and(|code| ["53", "57", "58", "XX"].iter().any(|class| code.starts_with(class))),
        }
    }

    /// Whether the rows that are there may be the reason of the error: a constraint, the number of rows, a trigger of the
    /// application.
    pub(crate) fn may_tell_of_rows(&self) -> bool {
        matches!(
            self,
            Self::Database(_) | Self::NotSingle { .. } | Self::TooManyAffected { .. }
        )
    }

    /// Whether the transaction was read-only. A session keeps the default that was in force when it connected, so another
    /// session may be able to write.
    pub(crate) fn is_read_only(&self) -> bool {
        matches!(self, Self::NotReady { sqlstate: code, .. } if code == sqlstate::READ_ONLY_SQL_TRANSACTION)
    }

    /// Whether the error may come from a schema that has changed since it was read.
    pub(crate) fn may_be_stale_schema(&self) -> bool {
        match self {
            Self::UnknownTable { .. }
            | Self::UnknownColumn { .. }
            | Self::UnknownRelationship(_)
            | Self::AmbiguousRelationship { .. }
            | Self::UnknownFunction(_)
            | Self::Outdated { .. } => true,
            _ => self.sqlstate().is_some_and(|code| code.starts_with("42")),
        }
    }
}

/// What the backend is not ready for, if that is what a SQLSTATE of PostgreSQL says. Where one SQLSTATE has several
/// meanings the routine of PostgreSQL's source tells them apart: messages are translated.
pub(crate) fn not_ready(code: &str, routine: &str) -> Option<&'static str> {
    let condition = match code {
        sqlstate::READ_ONLY_SQL_TRANSACTION => "is read-only",
        "53100" => "has no disk space left",
        "53200" => "is out of memory",
        "53300" => "has no connection to spare",
        "57P01" | "57P02" => "is shutting down",
        "57P03" => "is starting up or in recovery",
        "57P04" => "has lost its database",
        "57P05" => "has ended an idle session",
        // The identifiers of transactions are used up until the database is vacuumed.
        "54000" if matches!(routine, "GetNewTransactionId" | "GetNewMultiXactId") => {
            "accepts no writes until it is vacuumed"
        }
        // Functions that need a server which writes its own log.
        "55000" if routine.starts_with("pg_current_wal") || routine.starts_with("pg_switch_wal") => "is in recovery",
        _ => match code.get(..2)? {
            "08" => "cannot be reached through the connection that it needs",
            "53" if code == "53000" => "has too few resources",
            "58" => "has an error of its system, such as a failing disk",
            _ => return None,
        },
    };
    Some(condition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_that_is_not_ready_is_told_from_a_statement_that_is_wrong() {
        for sqlstate in [
            "25006", "53000", "53100", "53200", "53300", "57P01", "57P02", "57P03", "57P05", "58000", "58030", "08006",
        ] {
            assert!(not_ready(sqlstate, "").is_some(), "{sqlstate}");
        }
        assert!(not_ready("54000", "GetNewTransactionId").is_some());
        assert!(not_ready("55000", "pg_current_wal_flush_lsn").is_some());
        for (sqlstate, routine) in [
            ("54000", "parser_init"),
            ("55000", "currval_oid"),
            ("55P03", ""),
            ("57014", "ProcessInterrupts"),
            ("53400", ""),
            ("25P02", ""),
            ("23505", ""),
        ] {
            assert_eq!(not_ready(sqlstate, routine), None, "{sqlstate}");
        }
    }

    #[test]
    fn an_error_of_postgresql_shows_no_values_in_logs() {
        let error = Error::Database(Box::new(DatabaseError {
            backend: Backend::Old,
            sqlstate: "23505".into(),
            message: "duplicate key value".into(),
            details: Some("Key (phone)=(89686484488) already exists.".into()),
            hint: None,
        }));
        assert_eq!(
            error.to_string(),
            "backend old refused the statement with SQLSTATE 23505"
        );
        assert!(!format!("{error:?}").contains("89686484488"));
    }
}
