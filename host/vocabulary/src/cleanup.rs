use std::fmt;
use std::time::Duration;

use crate::{Backend, RepositoryId, Subject};

/// A row that a cleanup would delete. It is personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanupRow {
    /// The repository that the row belongs to.
    pub repository: RepositoryId,
    /// Whose row it is, if it belongs to a subject. A version on trial is asked about the rows of its subjects.
    pub subject: Option<Subject>,
    /// All columns of the row.
    pub columns: Vec<CleanupColumn>,
}

/// One column of such a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanupColumn {
    /// The column's name.
    pub name: String,
    /// The SQL type, as `format_type` names it.
    pub kind: String,
    /// The value as PostgreSQL prints it; `None` where it is null.
    pub text: Option<String>,
}

impl CleanupRow {
    /// How long all texts are together, in bytes.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        let texts = self.columns.iter().filter_map(|column| column.text.as_ref());
        texts.map(String::len).sum()
    }
}

/// What somebody asks to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupRequest {
    /// The repository whose rows the request's filter chooses.
    pub repository: RepositoryId,
    /// Whether the rows are deleted if everything agrees; otherwise this is a dry run.
    pub execute: bool,
    /// How many rows the caller expects to be deleted, if the caller says so.
    pub expected: Option<u64>,
}

/// What a cleanup would delete, as far as a policy is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanupEvidence {
    /// Once for each repository and backend that rows would go from.
    pub counts: Vec<CleanupCount>,
    /// Some of the requested rows, 5 at most.
    pub samples: Vec<CleanupRow>,
}

/// How many rows of one repository would go from one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupCount {
    /// The repository.
    pub repository: RepositoryId,
    /// The backend that is the authority of these rows.
    pub backend: Backend,
    /// How many rows the request's filter chooses.
    pub requested: u64,
    /// How many rows refer to rows that go, and go with them.
    pub referring: u64,
    /// How many rows of both kinds the policy marked.
    pub marked: u64,
    /// How many rows the whole table has on that backend.
    pub table_rows: u64,
    /// The age of the youngest row that would go; `None` if the table does not say when a row was made.
    pub youngest: Option<Duration>,
    /// The age of the oldest row that would go; `None` if the table does not say when a row was made.
    pub oldest: Option<Duration>,
}

/// What a cleanup policy says of a request. It can hold no personal data. `Display` says it in words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CleanupVerdict {
    /// The policy agrees.
    Agreed,
    /// More rows would go than may go at once.
    TooManyRows {
        /// How many rows may go at once.
        limit: u64,
    },
    /// Too large a part of a table would go.
    TooLargeShare {
        /// The part that may go, in hundredths of a percent, 10,000 at most.
        hundredths: u32,
        /// Tables with more rows than this have the limit.
        from: u64,
    },
    /// The policy refuses for another reason, in a word of its own: letters from `a` to `z` and `-`, at most 32.
    Refused(String),
}

impl fmt::Display for CleanupVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agreed => f.write_str("the policy agrees"),
            Self::TooManyRows { limit } => write!(f, "more rows would go than the {limit} that may go at once"),
            Self::TooLargeShare { hundredths, from } => {
                let (percent, rest) = (hundredths / 100, hundredths % 100);
                write!(
                    f,
                    "more than {percent}.{rest:02} % of a table with over {from} rows would go"
                )
            }
            Self::Refused(word) => write!(f, "the cleanup policy says `{word}`"),
        }
    }
}
