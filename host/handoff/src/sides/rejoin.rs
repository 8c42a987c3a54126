use std::sync::Arc;

use turnout_backends::{Database, Error as BackendError};
use turnout_policies::InForce;
use turnout_vocabulary::{Backend, Epoch, PerBackend};

use crate::fences::Fences;
use crate::installed::is_installed;
use crate::obstacle::Obstacle;
use crate::record::Record;

/// What is shown of keys that a forced failover left behind.
const LEFT_BEHIND: &str = "not mirrored before the forced failover";

/// Takes sides in again that were away.
pub(crate) struct Rejoin {
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) record: Arc<Record>,
    pub(crate) fences: Arc<Fences>,
}

impl Rejoin {
    /// Takes a side in again that was away when what is in force was released: it learns of it, refuses older writes, and
    /// shows what a forced failover left behind there instead of mirroring it. It can be repeated.
    ///
    /// # Errors
    /// [`Obstacle`] if a side can't be asked; the other is taken in all the same.
    pub(crate) async fn rejoin(&self, now: &InForce) -> Result<(), Obstacle> {
        if !now.leaving.is_empty() {
            return Ok(());
        }
        let (old, new) = tokio::join!(self.released(Backend::Old), self.released(Backend::New));
        for (backend, here, there) in [(Backend::Old, &old, &new), (Backend::New, &new, &old)] {
            let is_behind = matches!(here, Ok(epoch) if *epoch < Some(now.epoch));
            if is_behind && matches!(there, Ok(epoch) if *epoch == Some(now.epoch)) {
                self.take_in(backend, now).await?;
            }
        }
        old.and(new)?;
        Ok(())
    }

    /// The newest epoch that is released on a side; `None` too where there is no installation.
    async fn released(&self, backend: Backend) -> Result<Option<Epoch>, BackendError> {
        Ok(self.record.newest_on(backend).await?.and_then(|known| known.released))
    }

    async fn take_in(&self, backend: Backend, now: &InForce) -> Result<(), Obstacle> {
        let (database, epoch) = (&self.backends[backend], now.epoch);
        if !is_installed(database).await? {
            return Ok(());
        }
        self.record
            .write_down(&now.era, &now.converged, None, &[backend])
            .await?;
        if now.forced.is_some_and(|forced| forced != backend) {
            self.fences.raise(backend, epoch).await?;
            let keys = database.give_up(epoch, LEFT_BEHIND).await?;
            tracing::warn!(
                %backend,
                %epoch,
                keys,
                "the side that was lost is back; what it had not mirrored is shown as divergences"
            );
        }
        // Writes that are still open were let in under the same authority, or the handoff has waited for them.
        database.raise_fence(epoch).await?;
        Ok(database.note_released(epoch).await?)
    }
}
