use turnout_vocabulary::Epoch;

use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

impl Database {
    /// Refuses writes of epochs below this one from now on, and waits until those let in before have ended. Once it was
    /// called the fence stands, even if the wait is cut short by an error; then it must be called again.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn raise_fence(&self, epoch: Epoch) -> Result<(), Error> {
        self.call("select turnout.raise_fence($1)::text", &[number(epoch)])
            .await
            .map(drop)
    }

    /// Ends the sessions of Turnout that hold up the fence; returns how many.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn end_holders(&self, epoch: Epoch) -> Result<i64, Error> {
        self.value("select turnout.end_holders($1)", &[number(epoch)]).await
    }

    /// The lowest epoch that is let in here.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn lowest_epoch(&self) -> Result<Epoch, Error> {
        let epoch: i64 = self.value("select turnout.lowest_epoch()", &[]).await?;
        Ok(Epoch::new(epoch.unsigned_abs()))
    }
}

/// An epoch as a parameter.
pub(super) fn number(epoch: Epoch) -> Parameter<'static> {
    Parameter::Number(i64::try_from(epoch.get()).unwrap_or(i64::MAX))
}
