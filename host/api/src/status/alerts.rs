use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use turnout_handoff::Raised;
use turnout_vocabulary::Backend;

/// Something that people should hear of.
#[derive(Debug, Serialize, Deserialize)]
pub struct AlertStatus {
    /// When, in seconds of Unix time.
    pub at: u64,
    /// `warning` or `critical`.
    pub severity: String,
    /// What kind of alert it is: `slow`, `late_mirror`, `parked` or `other` of a write, `policy`, `handoff`, or `direct_write`.
    pub kind: String,
    /// The same in words.
    pub message: String,
    /// The repository that was written, if it is about a write.
    pub repository: Option<String>,
    /// The backend that was written.
    pub authority: Option<Backend>,
}

impl From<Raised> for AlertStatus {
    fn from(raised: Raised) -> Self {
        Self {
            at: raised.at.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
            severity: raised.severity.as_str().to_owned(),
            kind: raised.kind.to_owned(),
            message: raised.message,
            repository: raised.repository,
            authority: raised.authority,
        }
    }
}
