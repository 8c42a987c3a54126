use turnout_vocabulary::Epoch;

use super::fence::number;
use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

impl Database {
    /// Lets nobody apply to this side what the other side, which is lost, had not mirrored before this epoch; waits for those
    /// that do. [`give_up`](Self::give_up) on the other side opens the way again.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn close_to_leftovers(&self, epoch: Epoch) -> Result<(), Error> {
        self.admit_lease(token(epoch)).await.map(drop)
    }

    /// Shows all that is still to be mirrored here of epochs before this one as divergences, with the reason, instead of
    /// mirroring it; returns how many keys.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn give_up(&self, epoch: Epoch, reason: &str) -> Result<i64, Error> {
        self.value(
            "select turnout.give_up($1::int8, $2, $3::int8)::text",
            &[number(epoch), Parameter::text(reason), Parameter::number(token(epoch))],
        )
        .await
    }
}

/// The token of a lease that is above every one taken before a forced failover to this epoch: they grow by one at a time.
fn token(epoch: Epoch) -> i64 {
    i64::try_from(epoch.get()).map_or(i64::MAX, |epoch| epoch.saturating_mul(1 << 32))
}
