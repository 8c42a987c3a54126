use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use turnout_vocabulary::{Alert, Backend, Repository, Severity};

/// How many are kept.
const KEPT: usize = 50;

/// The last alerts, newest first.
#[derive(Default)]
pub struct Alerts(Mutex<VecDeque<Raised>>);

/// An alert that was raised.
#[derive(Clone, Debug)]
pub struct Raised {
    /// When.
    pub at: SystemTime,
    /// How much it matters.
    pub severity: Severity,
    /// What kind of alert it is.
    pub kind: &'static str,
    /// The same in words.
    pub message: String,
    /// The repository that was written, if it is about a write.
    pub repository: Option<String>,
    /// The backend that was written.
    pub authority: Option<Backend>,
}

impl Alerts {
    /// The last ones.
    #[must_use]
    pub fn last(&self) -> Vec<Raised> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    /// Logs what is about no write, and keeps it.
    pub fn tell(&self, severity: Severity, kind: &'static str, message: String) {
        match severity {
            Severity::Warning => tracing::warn!("{message}"),
            Severity::Critical => tracing::error!("{message}"),
        }
        self.keep(Raised {
            at: SystemTime::now(),
            severity,
            kind,
            message,
            repository: None,
            authority: None,
        });
    }

    /// Logs an alert and keeps it.
    pub fn raise(&self, repository: &Repository, authority: Backend, alert: &Alert) {
        let repository = &repository.name;
        match alert.severity {
            Severity::Warning => tracing::warn!(%authority, repository, "{alert}"),
            Severity::Critical => tracing::error!(%authority, repository, "{alert}"),
        }
        self.keep(Raised {
            at: SystemTime::now(),
            severity: alert.severity,
            kind: alert.kind.as_str(),
            message: alert.to_string(),
            repository: Some(repository.clone()),
            authority: Some(authority),
        });
    }

    fn keep(&self, alert: Raised) {
        let mut raised = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        raised.truncate(KEPT - 1);
        raised.push_front(alert);
    }
}
