use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{timeout, timeout_at};

use super::Pool;
use crate::error::Error;

/// How long a connection may lie idle and still be used as it is. One idle for longer is tried first: firewalls and
/// poolers drop quiet connections, and a write that finds this out can't be repeated.
const TRUSTED_IDLE: Duration = Duration::from_secs(30);

/// How long a connection may lie idle before it is closed, and how long it may be used at all: sqlx's defaults.
const LONGEST_IDLE: Duration = Duration::from_mins(10);
const LONGEST_LIFE: Duration = Duration::from_mins(30);

/// The connections that no operation uses, and the places of those that one may. sqlx's pool makes them, but they are
/// not given back to it: it would ask each for a sign of life first, and that is one more round trip an operation.
pub(super) struct Idle {
    places: Semaphore,
    connections: Mutex<VecDeque<IdleConnection>>,
}

struct IdleConnection {
    connection: PgConnection,
    made: Instant,
    since: Instant,
}

impl Idle {
    pub(super) fn new(places: u32) -> Self {
        Self {
            places: Semaphore::new(
                usize::try_from(places).map_or(Semaphore::MAX_PERMITS, |places| places.min(Semaphore::MAX_PERMITS)),
            ),
            connections: Mutex::default(),
        }
    }

    /// The connection that was used last.
    fn take(&self) -> Option<IdleConnection> {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.pop_back()
    }

    /// Keeps a connection, and closes one that has not been needed for long.
    fn keep(&self, connection: IdleConnection) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.pop_front_if(|oldest| oldest.since.elapsed() > LONGEST_IDLE);
        connections.push_back(connection);
    }
}

/// A connection in use by one operation. Unless it is given back it is closed: the operation was cancelled, and to keep
/// it would mean to wait for an answer that may never come.
pub(super) struct Checkout<'a> {
    pub(super) connection: PgConnection,
    pub(super) made: Instant,
    place: SemaphorePermit<'a>,
}

impl Pool {
    /// A connection, within the acquire timeout; at once an error if the backend is down.
    pub(super) async fn acquire(&self) -> Result<Checkout<'_>, Error> {
        if let Some(checkout) = self.acquire_now() {
            return Ok(checkout);
        }
        // Made before the flag is read, so that no change is missed between the two.
        let went_down = self.reach.went_down();
        if !self.reach.pulse.is_up() {
            return Err(self.reach.unavailable());
        }
        tokio::select! {
            biased;
            acquired = Box::pin(self.acquire_in_time()) => acquired,
            () = went_down => Err(self.reach.unavailable()),
        }
    }

    /// A connection, if there is one that can be used as it is.
    fn acquire_now(&self) -> Option<Checkout<'_>> {
        if !self.reach.pulse.is_up() {
            return None;
        }
        let place = self.idle.places.try_acquire().ok()?;
        let idle = self.idle.take()?;
        if idle.since.elapsed() > TRUSTED_IDLE {
            self.idle.keep(idle);
            return None;
        }
        self.reach.trust.trusts(idle.made).then_some(Checkout {
            connection: idle.connection,
            made: idle.made,
            place,
        })
    }

    async fn acquire_in_time(&self) -> Result<Checkout<'_>, Error> {
        let began = Instant::now();
        let deadline = (began + self.settings.acquire_timeout).into();
        let Ok(Ok(place)) = timeout_at(deadline, self.idle.places.acquire()).await else {
            if !self.reach.pulse.answered_since(began) {
                self.reach.suspect();
            }
            return Err(Error::Exhausted {
                backend: self.reach.backend,
            });
        };
        let connection = async {
            while let Some(mut idle) = self.idle.take() {
                if self.reach.trust.trusts(idle.made)
                    && (idle.since.elapsed() <= TRUSTED_IDLE || idle.connection.ping().await.is_ok())
                {
                    return Ok((idle.connection, idle.made));
                }
            }
            let made = Instant::now();
            Ok((self.make().await?, made))
        };
        match timeout_at(deadline, connection).await {
            Ok(Ok((connection, made))) => Ok(Checkout {
                connection,
                made,
                place,
            }),
            Err(_) | Ok(Err(sqlx::Error::PoolTimedOut)) if self.reach.pulse.answered_since(began) => {
                Err(Error::Exhausted {
                    backend: self.reach.backend,
                })
            }
            Err(_) | Ok(Err(sqlx::Error::PoolTimedOut)) => Err(self.found_down(super::NOT_IN_TIME)),
            Ok(Err(error)) => Err(self.found_down(&error.to_string())),
        }
    }

    /// Replaces the connection of a checkout by a new one.
    pub(super) async fn renew<'a>(&self, checkout: Checkout<'a>) -> Result<Checkout<'a>, Error> {
        let Checkout { connection, place, .. } = checkout;
        drop(connection);
        let made = Instant::now();
        match timeout(self.settings.acquire_timeout, self.make()).await {
            Ok(Ok(connection)) => Ok(Checkout {
                connection,
                made,
                place,
            }),
            Ok(Err(error)) => Err(self.found_down(&error.to_string())),
            Err(_) => Err(Error::Exhausted {
                backend: self.reach.backend,
            }),
        }
    }

    /// A new connection; one that may not be silent is like any other from now on.
    async fn make(&self) -> Result<PgConnection, sqlx::Error> {
        let made = match self.maker.acquire().await {
            Err(sqlx::Error::Database(refused)) if refused.code().is_some_and(|code| code == "42501") => {
                self.maker.set_connect_options(self.options.clone());
                self.maker.acquire().await
            }
            made => made,
        };
        made.map(PoolConnection::detach)
    }

    fn found_down(&self, reason: &str) -> Error {
        self.reach.go_down(reason);
        self.reach.unavailable()
    }

    /// Keeps a connection for the next operation.
    pub(super) fn give_back(&self, checkout: Checkout<'_>) {
        let Checkout {
            connection,
            made,
            place,
        } = checkout;
        if made.elapsed() < LONGEST_LIFE {
            self.idle.keep(IdleConnection {
                connection,
                made,
                since: Instant::now(),
            });
        }
        // Whoever waits for a place finds the connection there.
        drop(place);
    }
}
