use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgDatabaseError, PgSeverity};
use tokio::time::error::Elapsed;

use super::Connections;
use super::lease::Lease;
use crate::error::Error;

/// While a database stays read-only, a refused write makes the pool replace all sessions only if its own session is older
/// than this. Otherwise every refused write would close the sessions that reads use.
const YOUNG: Duration = Duration::from_secs(1);

/// Why one attempt at a statement failed.
pub(super) enum Failure {
    /// It was not sent.
    NotSent(Error),
    /// The database answered with an error.
    Refused(Error),
    /// The connection broke before an answer came.
    Broke(Arc<str>),
    /// No answer came in the time that the longest statement may take.
    Silent,
}

impl Connections {
    /// What the answer on a connection means, for the operation and for the connections.
    pub(super) fn judge<T>(
        &self,
        lease: Lease<'_>,
        answer: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<T, Failure> {
        let answer = self.understand(lease.made, answer);
        match &answer {
            // A read-only session may stay so when the database no longer is.
            Err(Failure::Refused(error)) if error.is_read_only() => drop(lease),
            Ok(_) | Err(Failure::Refused(_)) => self.give_back(lease),
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
                let error = Error::answered(self.backend, &error);
                if error.is_read_only() && made.elapsed() > YOUNG {
                    self.trust.distrust_all_so_far();
                }
                self.readiness.note(&error);
                return Err(Failure::Refused(error));
            }
            Ok(Err(error)) => Failure::Broke(error.to_string().into()),
            Err(_) => Failure::Silent,
        };
        self.trust.distrust_all_so_far();
        self.suspected.notify_one();
        Err(failure)
    }

    pub(super) fn error(&self, failure: Failure, in_doubt: bool) -> Error {
        let reason = match failure {
            Failure::NotSent(error) | Failure::Refused(error) => return error,
            Failure::Broke(reason) => reason,
            Failure::Silent => "it did not answer in time".into(),
        };
        Error::Unavailable {
            backend: self.backend,
            reason,
            in_doubt,
        }
    }

    pub(super) fn unavailable(&self) -> Error {
        let reason = Arc::clone(&self.reason.lock().unwrap_or_else(PoisonError::into_inner));
        Error::Unavailable {
            backend: self.backend,
            reason,
            in_doubt: false,
        }
    }

    pub(super) fn go_down(&self, reason: &str) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason.into();
        if self.pulse.set_up(false) {
            tracing::warn!(backend = %self.backend, reason, "backend is down");
            self.trust.distrust_all_so_far();
            self.went_down.notify_waiters();
        }
        self.suspected.notify_one();
    }

    pub(super) fn come_up(&self) {
        if self.pulse.set_up(true) {
            tracing::info!(backend = %self.backend, "backend is up again");
        }
    }
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
