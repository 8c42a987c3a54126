use crate::bindings::policy::turnout::policy::types::{InvalidSetting, SettingsError};
use crate::bounds::Failure;

/// Why a module and settings make no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigureError {
    /// The policy refuses the settings.
    #[error("the policy refuses the settings at `{pointer}`: {reason}")]
    Settings {
        /// Where the mistake is: a JSON Pointer (RFC 6901) into the settings, empty for all of them.
        pointer: String,
        /// What is wrong, in the policy's words.
        reason: String,
    },
    /// The policy failed while it was started or configured.
    #[error("the policy failed while it was configured: {0}")]
    Failed(#[from] Failure),
}

impl From<SettingsError> for ConfigureError {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::Invalid(InvalidSetting { pointer, reason }) => Self::Settings { pointer, reason },
            SettingsError::Other(reason) => Self::Settings {
                pointer: String::new(),
                reason,
            },
        }
    }
}

/// A decision that a policy did not make.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {world} policy failed in `{function}`: {failure}")]
pub struct CallError {
    /// The policy's world.
    pub world: &'static str,
    /// The function that was called.
    pub function: &'static str,
    /// What became of it.
    #[source]
    pub failure: Failure,
}
