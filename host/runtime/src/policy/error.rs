use crate::bindings::policy::turnout::policy::types::{InvalidSetting, SettingsError};
use crate::bounds::Failure;
use crate::presentable::{REASON_BYTES, presentable};

/// The longest JSON pointer that is followed, in bytes.
const POINTER_BYTES: usize = 4096;

/// Why a module and settings make no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigureError {
    /// The policy refuses the settings.
    #[error(
        "the policy refuses the settings at `{}`: {reason}",
        presentable(pointer, REASON_BYTES)
    )]
    Settings {
        /// Where the mistake is: a JSON Pointer (RFC 6901) into the settings, empty for the settings as a whole. The pointer is as the
        /// policy wrote it, so that the host finds the line. It is shown to nobody as it is.
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
            SettingsError::Invalid(InvalidSetting { mut pointer, reason }) => {
                pointer.truncate(pointer.floor_char_boundary(POINTER_BYTES));
                Self::Settings {
                    pointer,
                    reason: presentable(&reason, REASON_BYTES),
                }
            }
            SettingsError::Other(reason) => Self::Settings {
                pointer: String::new(),
                reason: presentable(&reason, REASON_BYTES),
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
