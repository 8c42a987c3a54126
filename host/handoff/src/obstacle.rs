/// Why a set did not come into force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Obstacle {
    /// Another host made an epoch at the same time.
    #[error("another host changed the policies at the same time; they are looked at again")]
    Overtaken,
    /// A backend could not be asked.
    #[error("{0}; the change is abandoned, and can be made again when that is mended")]
    Backend(#[from] turnout_backends::Error),
    /// A policy failed to answer.
    #[error("{0}")]
    Policy(#[from] turnout_runtime::CallError),
    /// The record describes another site than the configuration of this host.
    #[error("{0}")]
    OtherSite(String),
    /// Anything else, in words.
    #[error("{0}")]
    Because(String),
}
