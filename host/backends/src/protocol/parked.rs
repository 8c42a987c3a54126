use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::seconds;
use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// How the mirroring of one table's changes on this side stands.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MirrorStanding {
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// How many entries wait, held keys included.
    pub dirty: u64,
    /// How old the oldest of them is; `None` if there is none.
    #[serde(deserialize_with = "seconds_if_any")]
    pub oldest: Option<Duration>,
    /// How many keys wait to be tried again.
    pub held: u64,
    /// How many keys are parked.
    pub parked: u64,
    /// How many keys are known to differ and are not mirrored.
    pub diverged: u64,
    /// Whether both sides must be compared, as changes may not all have been captured.
    pub verify: bool,
}

/// A key that waits in vain. `Debug` hides the key.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct ParkedKey {
    /// The table.
    pub table: String,
    /// The key as a JSON object.
    pub key: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it could not be applied, as PostgreSQL counts errors.
    pub sqlstate: String,
    /// The constraint that it violates, or what else is to blame.
    pub reason: String,
}

impl std::fmt::Debug for ParkedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParkedKey")
            .field("table", &self.table)
            .field("sqlstate", &self.sqlstate)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// How the mirroring of this side's changes stands, by table.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn mirror_standing(&self) -> Result<Vec<MirrorStanding>, Error> {
        self.rows(
            "select schema_name as schema, table_name as \"table\", dirty, oldest_seconds as oldest, held, parked, diverged, \
             verify from turnout.standing()",
            &[],
        )
        .await
    }

    /// The parked keys of this side, the first thousand.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn parked(&self) -> Result<Vec<ParkedKey>, Error> {
        self.rows(
            "select table_name as \"table\", key, attempts, sqlstate, reason from turnout.parked()",
            &[],
        )
        .await
    }

    /// Has parked keys tried again, all or those of one table; returns how many.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn retry_parked(&self, table: Option<&str>) -> Result<i64, Error> {
        self.value(
            "select turnout.retry_parked(nullif($1, ''))::text",
            &[Parameter::text(table.unwrap_or_default())],
        )
        .await
    }

    /// Gives parked keys up, all or those of one table; returns how many.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn drop_parked(&self, table: Option<&str>) -> Result<i64, Error> {
        self.value(
            "select turnout.drop_parked(nullif($1, ''))::text",
            &[Parameter::text(table.unwrap_or_default())],
        )
        .await
    }
}

/// Reads a number of seconds, or that there is none.
fn seconds_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    #[derive(Deserialize)]
    struct Seconds(#[serde(deserialize_with = "seconds")] Duration);
    let seconds = Option::<Seconds>::deserialize(deserializer)?;
    Ok(seconds.map(|Seconds(seconds)| seconds))
}
