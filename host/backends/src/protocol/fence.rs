use std::fmt;

use serde::Deserialize;
use turnout_vocabulary::Epoch;

use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// An open transaction that was let in before the fence was raised. It holds no value of a row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FenceHolder {
    /// The process of its session; `None` for a prepared transaction.
    pub process: Option<i32>,
    /// The name (gid) of a prepared transaction.
    pub prepared: Option<String>,
    /// How its application names itself.
    pub application: Option<String>,
    /// The role that it is logged in as.
    pub role: Option<String>,
    /// Since when it is open, in UTC; `None` where the role of Turnout may not see that.
    pub since: Option<String>,
    /// The first word of its last statement; `None` where the role of Turnout may not see that.
    pub verb: Option<String>,
}

impl fmt::Display for FenceHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.prepared, self.process) {
            (Some(name), _) => write!(f, "prepared transaction {name:?}")?,
            (None, Some(process)) => write!(f, "session {process}")?,
            (None, None) => write!(f, "a prepared transaction")?,
        }
        if let Some(application) = &self.application {
            write!(f, ", application {application:?}")?;
        }
        if let Some(role) = &self.role {
            write!(f, ", user {role:?}")?;
        }
        if let Some(since) = &self.since {
            write!(f, ", open since {since}")?;
        }
        if let Some(verb) = &self.verb {
            write!(f, ", last statement {verb}")?;
        }
        Ok(())
    }
}

impl Database {
    /// Refuses writes of epochs below this one from now on. This waits for no writer.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn raise_fence(&self, epoch: Epoch) -> Result<(), Error> {
        self.call("select turnout.raise_fence($1::int8)::text", &[number(epoch)])
            .await
    }

    /// Waits until the writes that were let in before the fence was raised to this epoch have ended. SQLSTATE 55P03 means that
    /// one has not ended in time; then it must be called again.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn await_fence(&self, epoch: Epoch) -> Result<(), Error> {
        self.call("select turnout.await_fence($1::int8)::text", &[number(epoch)])
            .await
    }

    /// The transactions that hold up the fence, the oldest first, at most ten.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn fence_holders(&self, epoch: Epoch) -> Result<Vec<FenceHolder>, Error> {
        self.rows(
            "select pid as process, gid as prepared, application, role, since, verb from turnout.fence_holders($1::int8)",
            &[number(epoch)],
        )
        .await
    }

    /// Ends the sessions of Turnout that hold up the fence; returns how many.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn end_holders(&self, epoch: Epoch) -> Result<i64, Error> {
        self.value("select turnout.end_holders($1::int8)::text", &[number(epoch)])
            .await
    }

    /// The lowest epoch that is let in here.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn lowest_epoch(&self) -> Result<Epoch, Error> {
        let epoch: i64 = self.value("select turnout.lowest_epoch()::text", &[]).await?;
        Ok(Epoch::new(epoch.unsigned_abs()))
    }
}

/// An epoch as a parameter.
pub(super) fn number(epoch: Epoch) -> Parameter<'static> {
    Parameter::number(i64::try_from(epoch.get()).unwrap_or(i64::MAX))
}
