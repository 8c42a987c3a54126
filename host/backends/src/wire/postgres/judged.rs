use std::time::{Duration, Instant};

use sqlx::postgres::{PgDatabaseError, PgSeverity};
use tokio::time::error::Elapsed;

use super::Pool;
use super::checkout::Checkout;
use crate::error::{Error, sqlstate};
use crate::wire::{Failure, Refusal};

/// While a database stays read-only, a refused write makes the pool replace all sessions only if its own session is older
/// than this. Otherwise every refused write would close the sessions that reads use.
const YOUNG: Duration = Duration::from_secs(1);

impl Pool {
    /// What the answer on a connection means, for the operation and for the connections.
    pub(super) fn judge<T>(
        &self,
        checkout: Checkout<'_>,
        answer: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<T, Failure> {
        let answer = self.understand(checkout.made, answer);
        match &answer {
            // A read-only session may stay so when the database no longer is.
            Err(Failure::Refused(error)) if error.is_read_only() => drop(checkout),
            Ok(_) | Err(Failure::Refused(_)) => self.give_back(checkout),
            Err(_) => {}
        }
        answer
    }

    /// The same of an answer after which the connection, made then, stays in use.
    pub(super) fn understand<T>(
        &self,
        made: Instant,
        answer: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<T, Failure> {
        let failure = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if !breaks_connection(&error) => {
                let error = self.answered(error);
                if error.is_read_only() && made.elapsed() > YOUNG {
                    self.reach.trust.distrust_all_so_far();
                }
                return Err(Failure::Refused(error));
            }
            Ok(Err(error)) => Failure::Broke(error.to_string().into()),
            Err(_) => Failure::Silent,
        };
        self.reach.has_broken();
        Err(failure)
    }

    /// What an error means that came as the answer to a statement.
    pub(super) fn answered(&self, error: sqlx::Error) -> Error {
        let backend = self.reach.backend;
        let sqlx::Error::Database(error) = error else {
            let reason = error.to_string();
            return Error::Unexpected { backend, reason };
        };
        refusal(error.downcast_ref::<PgDatabaseError>()).into_error(backend)
    }

    /// The error of a statement that has PostgreSQL refuse every change, and that tried one.
    pub(super) fn refused_change(&self, error: &sqlx::Error) -> Option<Error> {
        let error = error.as_database_error()?.downcast_ref::<PgDatabaseError>();
        let is_change = error.code() == sqlstate::READ_ONLY_SQL_TRANSACTION;
        is_change.then(|| refusal(error).into_database_error(self.reach.backend))
    }
}

fn refusal(error: &PgDatabaseError) -> Refusal {
    Refusal {
        sqlstate: error.code().to_owned(),
        routine: error.routine().unwrap_or_default().to_owned(),
        message: error.message().to_owned(),
        details: error.detail().map(str::to_owned),
        hint: error.hint().map(str::to_owned),
    }
}

/// Whether the server is alive and has no connection to spare (SQLSTATE 53300).
pub(super) fn is_full(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == "53300")
}

/// Whether the connection that returned this error is of no further use.
fn breaks_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            let error = error.downcast_ref::<PgDatabaseError>();
            matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)
                || matches!(error.code(), "57P01" | "57P02" | "57P03")
        }
        _ => false,
    }
}
