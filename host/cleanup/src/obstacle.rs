use std::fmt;

use turnout_policies::NoAdvice;
use turnout_vocabulary::{Backend, CleanupVerdict};

/// How many keys an obstacle names.
const NAMED: usize = 10;

/// What speaks against a cleanup. One is enough to refuse it. `Display` says it in words; it names keys and no other values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The policy does not take these rows for test rows.
    Unmarked {
        /// Their repository.
        repository: String,
        /// Their keys.
        keys: Vec<String>,
    },
    /// The policy could not be asked about a row.
    Unasked {
        /// Its repository.
        repository: String,
        /// Its key.
        key: String,
        /// Why not.
        reason: NoAdvice,
    },
    /// The policy refuses the whole.
    Policy(CleanupVerdict),
    /// The policy gave no answer to the whole.
    NoVerdict(NoAdvice),
    /// Rows of a table that Turnout does not serve refer to rows that would go.
    NotServed {
        /// The table with its schema.
        table: String,
        /// The foreign key.
        constraint: String,
        /// The repository that it refers to.
        repository: String,
        /// The side that has such rows.
        backend: Backend,
    },
    /// A row differs between the sides.
    Differs {
        /// Its repository.
        repository: String,
        /// Its key.
        key: String,
        /// The columns.
        columns: Vec<String>,
    },
    /// A row is on the mirror and not on its authority.
    OnlyMirrored {
        /// Its repository.
        repository: String,
        /// Its key.
        key: String,
        /// The side that has it.
        backend: Backend,
    },
    /// Nobody could see what else would go from a side.
    Hazard {
        /// The side.
        backend: Backend,
        /// What it is, in words.
        what: String,
    },
    /// Too many rows would go to be reviewed.
    TooMany {
        /// How many can be.
        most: usize,
    },
    /// Rows of each side refer to rows of the other, so neither side's can go first.
    Circle,
    /// Another number of rows was agreed on.
    Otherwise {
        /// The number that was agreed on; `None` if none was.
        expected: Option<u64>,
        /// How many rows would go.
        rows: u64,
    },
    /// The configuration does not let cleanups remove rows there.
    NotAllowed(Backend),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmarked { repository, keys } => {
                let named = keys[..keys.len().min(NAMED)].join(", ");
                let more = if keys.len() > NAMED { ", …" } else { "" };
                write!(f, "{} rows of {repository} have no test marks: {named}{more}", keys.len())
            }
            Self::Unasked { repository, key, reason } => {
                write!(f, "the policy was not asked about the row {key} of {repository}: {reason}")
            }
            Self::Policy(verdict) => write!(f, "{verdict}"),
            Self::NoVerdict(reason) => write!(f, "the policy did not answer: {reason}"),
            Self::NotServed {
                table,
                constraint,
                repository,
                backend,
            } => write!(
                f,
                "on backend {backend} rows of {table} refer to rows of {repository} by {constraint}, and Turnout does not serve {table}: add it to the \
                 repositories, or remove those rows first"
            ),
            Self::Differs { repository, key, columns } => write!(
                f,
                "the row {key} of {repository} differs between the sides in {}: wait for the mirror, or run `turnout reconcile`",
                columns.join(", ")
            ),
            Self::OnlyMirrored { repository, key, backend } => write!(
                f,
                "backend {backend} has the row {key} of {repository}, and its authority has not: wait for the mirror, or run `turnout reconcile`"
            ),
            Self::Hazard { backend, what } => write!(f, "on backend {backend} {what}"),
            Self::TooMany { most } => write!(f, "more than {most} rows would go, which is more than one cleanup reviews"),
            Self::Circle => f.write_str(
                "rows whose authority is old refer to rows whose authority is new, and the other way round: clean up one repository after the other",
            ),
            Self::Otherwise { expected: Some(expected), rows } => {
                write!(f, "{rows} rows would go, and {expected} were agreed on: look again at the dry run")
            }
            Self::Otherwise { expected: None, rows } => {
                write!(f, "no number of rows was agreed on; {rows} would go")
            }
            Self::NotAllowed(backend) => write!(
                f,
                "rows would go from backend {backend}, where the configuration does not allow cleanups: set cleanup = \"allowed\" in [backends.{backend}]"
            ),
        }
    }
}
