use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Instant;

use sqlx::Postgres;
use sqlx::pool::PoolConnection;

use super::Connections;
use crate::error::Error;

/// A connection in use by one operation. Unless it is settled by the time it is dropped, it is closed: the operation was
/// cancelled, and giving it back would mean to wait for an answer that may never come.
pub(super) struct Lease<'a> {
    pub(super) connection: PoolConnection<Postgres>,
    pub(super) settled: bool,
    busy: &'a AtomicU32,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.busy.fetch_sub(1, Relaxed);
        if !self.settled {
            self.connection.close_on_drop();
        }
    }
}

impl Connections {
    /// A connection, within the acquire timeout; at once an error if the backend is down.
    pub(super) async fn acquire(&self) -> Result<Lease<'_>, Error> {
        // Made before the flag is read, so that no change is missed between the two.
        let went_down = self.went_down.notified();
        if !self.pulse.is_up() {
            return Err(self.unavailable());
        }
        let began = Instant::now();
        let acquired = tokio::select! {
            biased;
            acquired = self.pool.acquire() => acquired,
            () = went_down => return Err(self.unavailable()),
        };
        match acquired {
            Ok(connection) => {
                self.busy.fetch_add(1, Relaxed);
                Ok(Lease {
                    connection,
                    settled: false,
                    busy: &self.busy,
                })
            }
            Err(sqlx::Error::PoolTimedOut) if self.is_exhausted(began) => {
                Err(Error::Exhausted { backend: self.backend })
            }
            Err(error) => {
                self.go_down(&match error {
                    sqlx::Error::PoolTimedOut => "no connection could be made within the acquire timeout".to_owned(),
                    error => error.to_string(),
                });
                Err(self.unavailable())
            }
        }
    }

    /// Whether a wait for a connection that began then was in vain although the backend is alive.
    fn is_exhausted(&self, began: Instant) -> bool {
        self.busy.load(Relaxed) >= self.settings.max_connections || self.pulse.answered_since(began)
    }
}
