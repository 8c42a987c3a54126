use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use turnout_vocabulary::Backend;

use super::pulse::Pulse;
use super::trust::Trust;
use crate::error::Error;

/// Whether a database can be reached over a wire: what the wire and the watch learn of it, and tell those who wait.
pub(crate) struct Reach {
    /// The database.
    pub(crate) backend: Backend,
    pub(crate) pulse: Pulse,
    pub(crate) trust: Trust,
    /// Why the database is down, if it is.
    reason: Mutex<Arc<str>>,
    suspected: Notify,
    went_down: Notify,
}

impl Reach {
    /// A database counts as up until something says otherwise.
    pub(crate) fn new(backend: Backend) -> Self {
        Self {
            backend,
            pulse: Pulse::new(),
            trust: Trust::new(),
            reason: Mutex::new("".into()),
            suspected: Notify::new(),
            went_down: Notify::new(),
        }
    }

    /// Has the watch look whether the database is still there.
    pub(crate) fn suspect(&self) {
        self.suspected.notify_one();
    }

    /// Comes when the database is suspected.
    pub(crate) fn suspected(&self) -> Notified<'_> {
        self.suspected.notified()
    }

    /// Comes when the database goes down.
    pub(crate) fn went_down(&self) -> Notified<'_> {
        self.went_down.notified()
    }

    /// A connection broke, or no answer came over it: the others are tried no more, and the watch looks.
    pub(crate) fn has_broken(&self) {
        self.trust.distrust_all_so_far();
        self.suspect();
    }

    /// The error of what is not sent while the database is down.
    pub(crate) fn unavailable(&self) -> Error {
        let reason = Arc::clone(&self.reason.lock().unwrap_or_else(PoisonError::into_inner));
        Error::Unavailable {
            backend: self.backend,
            reason,
            in_doubt: false,
        }
    }

    /// The database can't be reached.
    pub(crate) fn go_down(&self, reason: &str) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason.into();
        if self.pulse.set_up(false) {
            tracing::warn!(backend = %self.backend, reason, "backend is down");
            self.trust.distrust_all_so_far();
            self.went_down.notify_waiters();
        }
        self.suspect();
    }

    /// The database can be reached.
    pub(crate) fn come_up(&self) {
        if self.pulse.set_up(true) {
            tracing::info!(backend = %self.backend, "backend is up again");
        }
    }
}
