use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use turnout_vocabulary::Backend;

use crate::error::Error;

/// How long a condition counts after it was last met.
const REMEMBERED: Duration = Duration::from_mins(1);

/// Why a backend that answers last said that it was not ready.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Option<(&'static str, Instant)>>);

impl Readiness {
    /// Keeps what the error says of the backend, and logs it if it is new.
    pub(super) fn note(&self, error: &Error) {
        let Error::NotReady { condition, .. } = error else {
            return;
        };
        let before = self.replace(Some((condition, Instant::now())));
        if before.is_none_or(|(known, last)| known != *condition || last.elapsed() > REMEMBERED) {
            tracing::warn!("{error}; statements are refused until this is mended");
        }
    }

    /// A write was committed.
    pub(super) fn has_written(&self, backend: Backend) {
        if self.replace(None).is_some() {
            tracing::info!(%backend, "backend accepts writes again");
        }
    }

    /// What the backend is not ready for, in words that follow its name.
    pub(super) fn condition(&self) -> Option<&'static str> {
        let current = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (condition, last) = current?;
        (last.elapsed() <= REMEMBERED).then_some(condition)
    }

    fn replace(&self, condition: Option<(&'static str, Instant)>) -> Option<(&'static str, Instant)> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), condition)
    }
}
