use turnout_vocabulary::Epoch;

use super::fence::number;
use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

impl Database {
    /// Records a description of the site under an epoch, if none is recorded yet. Returns the one that is recorded
    /// afterwards.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn first_description(&self, epoch: Epoch, description: &str) -> Result<String, Error> {
        self.value(
            "select turnout.first_description($1::int8, $2)",
            &[number(epoch), Parameter::text(description)],
        )
        .await
    }

    /// Notes that the policy set with this digest is in force under an epoch.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn remember_set(&self, digest: &str, epoch: Epoch) -> Result<(), Error> {
        self.call(
            "select turnout.remember_set($1, $2::int8)::text",
            &[Parameter::text(digest), number(epoch)],
        )
        .await
    }

    /// The last epoch under which the policy set with this digest was in force; `None` if it never was.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn epoch_of_set(&self, digest: &str) -> Result<Option<Epoch>, Error> {
        let epoch: Option<i64> = self
            .value("select turnout.epoch_of_set($1)::text", &[Parameter::text(digest)])
            .await?;
        Ok(epoch.map(|epoch| Epoch::new(epoch.unsigned_abs())))
    }
}
