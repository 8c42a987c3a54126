use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use turnout_policies::{Freeze, Policies};
use turnout_runtime::presentable;
use turnout_vocabulary::Epoch;

use crate::change::Changes;

/// The longest name and the longest reason that are kept, in bytes.
const WHO_BYTES: usize = 64;
const REASON_BYTES: usize = 500;

/// Why the application's writes are refused or let in as before.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotFrozen(String);

/// Has every host of the site refuse the application's writes, or let them in again.
pub struct Freezing {
    pub(crate) policies: Arc<Policies>,
    pub(crate) changes: Arc<Changes>,
}

impl Freezing {
    /// Has every host refuse the application's writes from now on: once this returns, no write that was let in before can commit any more.
    /// If they are refused already, nothing changes.
    ///
    /// # Errors
    /// [`NotFrozen`] with the reason.
    pub async fn freeze(&self, who: &str, reason: &str) -> Result<Epoch, NotFrozen> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let freeze = Freeze {
            since: since.map_or(0, |since| since.as_secs()),
            by: presentable(who, WHO_BYTES),
            reason: presentable(reason, REASON_BYTES),
        };
        self.set(Some(Arc::new(freeze))).await
    }

    /// Has every host let the application's writes in again.
    ///
    /// # Errors
    /// [`NotFrozen`] with the reason.
    pub async fn unfreeze(&self) -> Result<Epoch, NotFrozen> {
        self.set(None).await
    }

    async fn set(&self, frozen: Option<Arc<Freeze>>) -> Result<Epoch, NotFrozen> {
        let changed = self.changes.freeze(frozen.as_ref()).await;
        changed.map_err(|obstacle| NotFrozen(obstacle.to_string()))?;
        Ok(self.policies.in_force().epoch)
    }
}
