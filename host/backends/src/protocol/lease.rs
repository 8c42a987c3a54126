use std::time::Duration;

use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

impl Database {
    /// Takes the lease of this side's dirty keys, unless another holder has renewed it within `patience`. The token that
    /// was raised; `None` if the lease is another's.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn take_lease(&self, holder: &str, patience: Duration) -> Result<Option<i64>, Error> {
        let patience = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
        self.value(
            "select turnout.take_lease($1, $2::int8 * interval '1 millisecond')::text",
            &[Parameter::text(holder), Parameter::number(patience)],
        )
        .await
    }

    /// Lets nobody with a smaller token apply here any more. False if a larger one is here already.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn admit_lease(&self, token: i64) -> Result<bool, Error> {
        self.value(
            "select turnout.admit_lease($1::int8)::text",
            &[Parameter::number(token)],
        )
        .await
    }

    /// Keeps the lease while its holder is at something that takes long. If it is another's by now, nothing changes.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn renew_lease(&self, token: i64) -> Result<(), Error> {
        self.call(
            "select turnout.renew_lease($1::int8)::text",
            &[Parameter::number(token)],
        )
        .await
    }

    /// Gives up the lease of this side's dirty keys, so that another holder need not wait.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn leave_lease(&self, token: i64) -> Result<(), Error> {
        self.call(
            "select turnout.leave_lease($1::int8)::text",
            &[Parameter::number(token)],
        )
        .await
    }
}
