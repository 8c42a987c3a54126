use std::sync::Arc;
use std::time::Duration;

use turnout_backends::Error as BackendError;
use turnout_runtime::CallError;
use turnout_vocabulary::{Action, Backend, PerBackend};

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The routing policy refuses the operation for now.
    #[error("the routing policy refuses this operation for now; try again later")]
    Frozen {
        /// How long the application should wait.
        retry_after: Duration,
    },
    /// An administrator has all writes refused for now.
    #[error("writes are refused for now, and reads go on; nothing was done, try again later")]
    WritesFrozen,
    /// The routing policy failed to decide, and nothing was done.
    #[error("the routing policy could not decide this operation; nothing was done, try again")]
    Undecided(#[source] CallError),
    /// The routing policy names an authority that its own span rules out, and nothing was done.
    #[error("the routing policy contradicts itself about this operation; nothing was done: mend the policy")]
    Contradiction,
    /// The authority of the rows is changing, and nothing was done.
    #[error("the authority of these rows is changing and did not in time; nothing was done, try again")]
    Moving,
    /// This host serves nothing.
    #[error("{0}")]
    Aside(Arc<String>),
    /// A row was handed to the other authority, and is not there yet.
    #[error(
        "the write on backend {from} is done and handed the row to the other authority, where the row has not arrived yet; read the row \
         before you repeat the write"
    )]
    HandedOver {
        /// The side that was written.
        from: Backend,
    },
    /// An update or a delete has no filter, and the configuration does not allow that for the repository.
    #[error(
        "{} of every row of {repository} is refused and nothing was done: give a filter, or set \
         repositories.{repository}.unfiltered_writes = true",
        action.as_str()
    )]
    Unfiltered {
        /// An update or a delete.
        action: Action,
        /// The repository.
        repository: String,
    },
    /// The rows of a write have different authorities.
    #[error(
        "the rows of this write have different authorities; nothing was done: write them in one request per subject"
    )]
    SeveralAuthorities,
    /// Whose rows an operation of a transaction touches depends on answers that were others at each attempt.
    #[error(
        "whose rows this operation touches depends on earlier answers, and these were others at each attempt; nothing was done: name \
         the subject in the operation, or send it by itself"
    )]
    Unforeseen,
    /// The operations of a transaction have different authorities, by their places in the list.
    #[error(
        "operations {} have the authority old and operations {} the authority new, and a transaction can have only one; \
         nothing was done: send one transaction for each",
        list(old),
        list(new)
    )]
    Apart {
        /// Those whose rows `old` is the authority of.
        old: Vec<usize>,
        /// Those whose rows `new` is the authority of.
        new: Vec<usize>,
    },
    /// An operation reads rows of another repository beside its own, and these are not kept on the side that answers.
    #[error(
        "the rows of {repository} are on backend {authority} and are not kept equal on backend {side}, which answers here; read them by \
         themselves, or {}",
        remedy(repository, *authority, *converging)
    )]
    NotReadable {
        /// The side that answers.
        side: Backend,
        /// The other repository.
        repository: String,
        /// The side that its rows are on.
        authority: Backend,
        /// Whether it is mirrored, and both sides have still to be compared.
        converging: bool,
    },
    /// A write was split by authority, and one part failed after another was committed.
    #[error("a part of the write is done ({}), the rest is not: {failure}", parts(done))]
    Partial {
        /// How many rows each side has done.
        done: PerBackend<Option<u64>>,
        /// Why the rest is not done.
        failure: Box<Error>,
    },
    /// Nothing is configured of a function, or repositories that are not served, and those that it may touch have several authorities.
    #[error(
        "the repositories that the function {function} touches are not known, and not all repositories have one authority; nothing was \
         done: name those that it touches in [functions.{function}]"
    )]
    Unconfigured {
        /// The function.
        function: String,
    },
    /// A foreign table is read while repositories have several authorities.
    #[error(
        "the rows of the foreign table {table} belong to no repository, and not all repositories have one authority"
    )]
    Foreign {
        /// The table, with its schema.
        table: String,
    },
    /// The write would move rows to a subject with another authority.
    #[error(
        "this write takes rows from another authority or hands them to one; nothing was done: write them in one request per subject"
    )]
    ChangesAuthority,
    /// A backend did not do it.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        Self::Undecided(error)
    }
}

impl Error {
    /// Whether nothing was done because the policies that decided are not those in force any more.
    pub(crate) fn is_overtaken(&self) -> bool {
        matches!(self, Self::Moving | Self::Backend(BackendError::Fenced { .. }))
    }

    /// Whether nothing was done because of what happened beside it, so that it may go well at the next attempt.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Backend(BackendError::Outdated { .. }) => true,
            Self::Backend(error) => error.is_contention(),
            _ => false,
        }
    }

    /// Whether nothing was done because a row refers to one that is not there, or is referred to by one that is.
    pub(crate) fn is_reference(&self) -> bool {
        matches!(self, Self::Backend(error) if error.is_foreign_key_violation())
    }

    /// The word for it if a backend failed, and not what it was asked.
    pub(crate) fn backend_failure(&self) -> Option<&'static str> {
        match self {
            Self::Backend(error) => error.is_backend_failure().then(|| self.kind()),
            Self::Partial { failure, .. } => failure.backend_failure(),
            _ => None,
        }
    }

    /// The word for it in logs and metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Frozen { .. } | Self::WritesFrozen => "frozen",
            Self::Undecided(_) => "undecided",
            Self::Contradiction => "contradiction",
            Self::Moving => "moving",
            Self::Aside(_) => "aside",
            Self::HandedOver { .. } => "handed_over",
            Self::Unfiltered { .. } => "unfiltered",
            Self::SeveralAuthorities => "several_authorities",
            Self::Unforeseen => "unforeseen",
            Self::Apart { .. } => "apart",
            Self::NotReadable { .. } => "not_readable",
            Self::Partial { .. } => "partial",
            Self::Unconfigured { .. } => "unconfigured",
            Self::Foreign { .. } => "foreign",
            Self::ChangesAuthority => "changes_authority",
            Self::Backend(BackendError::Unavailable { .. }) => "unavailable",
            Self::Backend(BackendError::Exhausted { .. }) => "exhausted",
            Self::Backend(BackendError::NotReady { .. }) => "not_ready",
            Self::Backend(BackendError::Fenced { .. }) => "fenced",
            Self::Backend(BackendError::Database(_)) => "database",
            Self::Backend(_) => "invalid",
        }
    }
}

/// Places in a list, for people.
fn list(places: &[usize]) -> String {
    places.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

/// What makes rows readable on the other side, for people.
fn remedy(repository: &str, authority: Backend, converging: bool) -> String {
    if converging {
        return format!("wait until both sides of {repository} are compared, as `turnout status` tells");
    }
    let stage = match authority {
        Backend::Old => "dualwrite",
        Backend::New => "rampdown",
    };
    format!("give {repository} a stage that mirrors it there, such as `{stage}`")
}

/// What each side has done, for people.
fn parts(done: &PerBackend<Option<u64>>) -> String {
    let parts = done
        .iter()
        .filter_map(|(backend, rows)| Some(format!("{backend}: {} rows", (*rows)?)));
    parts.collect::<Vec<_>>().join(", ")
}
