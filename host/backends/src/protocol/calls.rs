use futures::FutureExt as _;
use sqlx::postgres::PgListener;

use crate::database::Database;
use crate::error::Error;

/// The calls of a database to whoever mirrors its changes.
pub struct Calls(PgListener);

impl Calls {
    /// Waits for the next call. Those that have come already are one. Calls are missed while the connection is broken, so look now
    /// and then without one, too.
    pub async fn next(&mut self) {
        if self.0.try_recv().await.is_err() {
            // It will be tried again by the next call of this.
            std::future::pending::<()>().await;
        }
        while let Some(Ok(Some(_))) = self.0.try_recv().now_or_never() {}
    }
}

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Calls")
    }
}

impl Database {
    /// Listens for writes behind Turnout's back that find everybody asleep.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn calls(&self) -> Result<Calls, Error> {
        let refused = |error: sqlx::Error| Error::answered(self.backend(), &error);
        let mut listener = self.protocol().listener().await.map_err(refused)?;
        listener.listen("turnout_dirty").await.map_err(refused)?;
        Ok(Calls(listener))
    }
}
