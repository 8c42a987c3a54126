use std::fmt;
use std::time::Duration;

use crate::database::PROTOCOL_CONNECTIONS;
use crate::wire::Options;

/// How one backend is reached, and what an operation may cost there.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where it is: `postgres://user:password@host:port/database`.
    pub url: String,
    /// How many connections the pool holds at most.
    pub max_connections: u32,
    /// How long an operation waits for a connection, be it a busy or a new one.
    pub acquire_timeout: Duration,
    /// How long the database works on one statement before it gives up (SQLSTATE 57014). At least a millisecond.
    pub statement_timeout: Duration,
    /// How many prepared statements each connection keeps.
    pub statement_cache_capacity: usize,
    /// The schemas whose tables, views and functions requests may join and call, beside the schemas of the repositories.
    pub exposed_schemas: Vec<String>,
}

impl Settings {
    /// The settings for a database at `url` with everything else as it usually is.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 16,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(8),
            statement_cache_capacity: 256,
            exposed_schemas: Vec::new(),
        }
    }
}

impl Settings {
    /// How many connections a host has at most: those of operations, those of the mirror and the handoff, one that listens and one that
    /// looks whether the database is there.
    #[must_use]
    pub fn connections(&self) -> u64 {
        u64::from(self.max_connections) + u64::from(PROTOCOL_CONNECTIONS) + 2
    }

    /// Whether the URL can be used at all.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it: it may hold a password.
    pub fn check(&self) -> Result<(), String> {
        Options::of(self).map(drop)
    }

    /// The role that it connects as; `None` if the URL can't be used.
    #[must_use]
    pub fn role(&self) -> Option<String> {
        Some(Options::of(self).ok()?.role().to_owned())
    }
}

/// Leaves out the URL: it may hold a password.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("statement_cache_capacity", &self.statement_cache_capacity)
            .field("exposed_schemas", &self.exposed_schemas)
            .finish_non_exhaustive()
    }
}
