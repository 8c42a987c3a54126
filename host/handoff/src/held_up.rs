use std::sync::{Mutex, MutexGuard, PoisonError};

use turnout_backends::FenceHolder;
use turnout_vocabulary::Backend;

/// What the handoff of this host waits for, in words that hold no key and no value.
#[derive(Default)]
pub(crate) struct HeldUp(Mutex<Option<String>>);

impl HeldUp {
    /// It waits for nothing any more.
    pub(crate) fn by_nothing(&self) {
        *self.now() = None;
    }

    /// It waits for open transactions of others. Says so in the log the first time.
    pub(crate) fn by_transactions(&self, backend: Backend, holders: &[FenceHolder]) {
        if holders.is_empty() {
            return;
        }
        let names: Vec<_> = holders.iter().map(ToString::to_string).collect();
        self.note(format!(
            "open transactions on backend {backend} hold up the fence ({}): commit or roll back each of them, then make the change \
             again if it was abandoned",
            names.join("; ")
        ));
    }

    /// It waits for keys to be mirrored. That is so for a moment in most handoffs, and is no line of the log.
    pub(crate) fn by_keys(&self, reason: String) {
        *self.now() = Some(reason);
    }

    fn note(&self, reason: String) {
        let mut now = self.now();
        if now.as_ref() != Some(&reason) {
            tracing::warn!("the handoff waits: {reason}");
            *now = Some(reason);
        }
    }

    /// What it waits for.
    pub(crate) fn reason(&self) -> Option<String> {
        self.now().clone()
    }

    /// Ends the handoff: returns what it waited for last.
    pub(crate) fn end(&self) -> Option<String> {
        self.now().take()
    }

    fn now(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
