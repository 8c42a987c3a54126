use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use turnout_handoff::Raised;
use turnout_vocabulary::Backend;

/// An alert: something that people should know.
#[derive(Debug, Serialize, Deserialize)]
pub struct AlertStatus {
    /// When it was raised, in seconds of Unix time.
    pub at: u64,
    /// `warning` or `critical`.
    pub severity: String,
    /// The kind of alert. About a write: `slow`, `late_mirror`, `parked` or `other`. Else `policy`, `handoff`, or `direct_write`.
    pub kind: String,
    /// What happened, in words.
    pub message: String,
    /// The written repository, if the alert is about a write.
    pub repository: Option<String>,
    /// The written backend, if the alert is about a write.
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
