use std::sync::Arc;

use turnout_backends::Error as BackendError;
use turnout_vocabulary::Backend;

/// Why a cleanup could not be reviewed or carried out at all. What speaks against a cleanup that was reviewed is an
/// [`Obstacle`](crate::Obstacle).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A backend did not do what it was asked.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The routing policy failed to say who is the authority.
    #[error("the routing policy cannot say which backend is the authority of a row, so nothing was done: {0}")]
    Undecided(#[from] turnout_runtime::CallError),
    /// Authority moves.
    #[error("a change of policies is under way, so nothing was done; try again when it is over")]
    Moving,
    /// This host does not serve the site on record.
    #[error("this host does not serve now, so nothing was done: {0}")]
    Aside(Arc<String>),
    /// Turnout is not installed there.
    #[error("backend {0} has no installation, so rows could not be put back; run `turnout install {0}`")]
    NotInstalled(Backend),
    /// Nothing of this cleanup is kept.
    #[error(
        "no rows are kept of cleanup {cleanup}: they were put back, the time for that is over, or there was no such cleanup; see `turnout cleanup list`"
    )]
    NothingKept {
        /// The id that was given.
        cleanup: String,
    },
}
