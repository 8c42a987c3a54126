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
    /// What it is about.
    pub alert: Alert,
    /// The repository that was written.
    pub repository: String,
    /// The backend that was written.
    pub authority: Backend,
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

    /// Logs an alert and keeps it.
    pub(crate) fn raise(&self, repository: &Repository, authority: Backend, alert: &Alert) {
        let repository = &repository.name;
        match alert.severity {
            Severity::Warning => tracing::warn!(%authority, repository, "{alert}"),
            Severity::Critical => tracing::error!(%authority, repository, "{alert}"),
        }
        let mut raised = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        raised.truncate(KEPT - 1);
        raised.push_front(Raised {
            at: SystemTime::now(),
            alert: alert.clone(),
            repository: repository.clone(),
            authority,
        });
    }
}
