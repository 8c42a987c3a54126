use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use turnout_backends::DirtyKey;
use turnout_mirror::{Judge, Unsaid, Verdict};
use turnout_vocabulary::{ApplyFailure, Backend, Epoch, RepositoryId, Retry};

/// The authority of everything is one side. What fails is tried again, after 20 ms unless said otherwise, and parked in the end.
pub(crate) struct OneSided {
    authority: Backend,
    attempts: AtomicU32,
    rest: Mutex<Duration>,
}

impl OneSided {
    pub(crate) fn new(authority: Backend) -> Self {
        Self {
            authority,
            attempts: AtomicU32::new(u32::MAX),
            rest: Mutex::new(Duration::from_millis(20)),
        }
    }

    /// Has what has failed rest so long.
    pub(crate) fn rest(&self, rest: Duration) {
        *self.rest.lock().unwrap() = rest;
    }

    /// Parks what has failed so often.
    pub(crate) fn park_after(&self, attempts: u32) {
        self.attempts.store(attempts, Relaxed);
    }
}

impl Judge for OneSided {
    fn verdict(&self, source: Backend, _: RepositoryId, _: &DirtyKey) -> Verdict {
        if source == self.authority {
            Verdict::Mirror
        } else {
            Verdict::Diverged("this side is not the authority")
        }
    }

    fn is_authority(&self, source: Backend, _: RepositoryId, _: &DirtyKey, _: Option<&str>) -> bool {
        source == self.authority
    }

    /// Rows of the subjects `off` and `away` are not mirrored, and rows of the other side.
    fn keeper(&self, _: RepositoryId, _: Epoch, subject: Option<&str>) -> Result<Option<Backend>, Unsaid> {
        Ok(match subject {
            Some("off") => None,
            Some("away") => Some(self.authority.other()),
            _ => Some(self.authority),
        })
    }

    fn retry(&self, failure: &ApplyFailure) -> Retry {
        if failure.attempt >= self.attempts.load(Relaxed) {
            return Retry::Park;
        }
        Retry::Again {
            after: *self.rest.lock().unwrap(),
        }
    }
}
