use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use turnout_alerts::Raised;
use turnout_vocabulary::Backend;

/// An alert: something that people should know.
#[derive(Debug, Serialize, Deserialize)]
pub struct AlertStatus {
    /// When it was raised, in seconds of Unix time.
    pub at: u64,
    /// `warning` or `critical`.
    pub severity: String,
    /// The kind of alert, one of those in `docs/alerts.md`.
    pub kind: String,
    /// What happened, in words.
    pub message: String,
    /// How many alerts of one cause it stands for.
    pub count: u64,
    /// The repository that it is about.
    pub repository: Option<String>,
    /// The backend that it is about: of an alert about a write, the written one.
    pub backend: Option<Backend>,
}

impl From<Raised> for AlertStatus {
    fn from(raised: Raised) -> Self {
        let Raised { at, alert, count } = raised;
        Self {
            at: at.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
            severity: alert.severity.as_str().to_owned(),
            kind: alert.cause.kind.as_str().to_owned(),
            message: alert.message,
            count,
            repository: alert.cause.repository,
            backend: alert.cause.backend,
        }
    }
}
