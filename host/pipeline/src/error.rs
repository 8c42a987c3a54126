use std::time::Duration;

use turnout_backends::Error as BackendError;
use turnout_runtime::CallError;

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
    /// The routing policy failed to decide, and nothing was done.
    #[error("the routing policy could not decide this operation; nothing was done, try again")]
    Undecided(#[source] CallError),
    /// The routing policy names an authority that its own span rules out, and nothing was done.
    #[error("the routing policy contradicts itself about this operation; nothing was done: mend the policy")]
    Contradiction,
    /// The rows of a write have different authorities.
    #[error(
        "the rows of this write have different authorities; nothing was done: write them in one request per subject"
    )]
    SeveralAuthorities,
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
    /// The word for it in logs and metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Frozen { .. } => "frozen",
            Self::Undecided(_) => "undecided",
            Self::Contradiction => "contradiction",
            Self::SeveralAuthorities => "several_authorities",
            Self::ChangesAuthority => "changes_authority",
            Self::Backend(BackendError::Unavailable { .. }) => "unavailable",
            Self::Backend(BackendError::Exhausted { .. }) => "exhausted",
            Self::Backend(BackendError::Database(_)) => "database",
            Self::Backend(_) => "invalid",
        }
    }
}
