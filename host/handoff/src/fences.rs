use std::sync::Arc;

use turnout_backends::Database;
use turnout_vocabulary::{Backend, Epoch, PerBackend};

use crate::held_up::HeldUp;
use crate::obstacle::Obstacle;

/// The fences of both sides.
pub(crate) struct Fences {
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) held_up: Arc<HeldUp>,
}

impl Fences {
    /// Raises a fence and waits for the writes that were let in before. Ends those sessions of Turnout that hold it up; those
    /// of others are named.
    pub(crate) async fn raise(&self, backend: Backend, epoch: Epoch) -> Result<(), Obstacle> {
        let database = &self.backends[backend];
        database.raise_fence(epoch).await?;
        loop {
            match database.await_fence(epoch).await {
                Ok(()) => {
                    self.held_up.by_nothing();
                    return Ok(());
                }
                Err(error) if error.is_lock_timeout() => {
                    let ended = database.end_holders(epoch).await?;
                    let holders = database.fence_holders(epoch).await?;
                    tracing::debug!(%backend, %epoch, ended, "open transactions hold up the fence");
                    self.held_up.by_transactions(backend, &holders);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
