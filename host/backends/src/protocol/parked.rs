use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// How the mirroring of one table's changes on this side stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorStanding {
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// How many entries wait, held keys included.
    pub dirty: u64,
    /// How old the oldest of them is; `None` if there is none.
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
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
        let rows = self
            .call(
                "select schema_name, table_name, dirty, oldest_seconds, held, parked, diverged, verify \
                 from turnout.standing()",
                &[],
            )
            .await?;
        self.read(&rows, |row| {
            let count = |place: usize| row.try_get::<i64, _>(place).map(i64::unsigned_abs);
            Ok(MirrorStanding {
                schema: row.try_get(0)?,
                table: row.try_get(1)?,
                dirty: count(2)?,
                oldest: row
                    .try_get::<Option<f64>, _>(3)?
                    .map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()),
                held: count(4)?,
                parked: count(5)?,
                diverged: count(6)?,
                verify: row.try_get(7)?,
            })
        })
    }

    /// The parked keys of this side, the first thousand.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn parked(&self) -> Result<Vec<ParkedKey>, Error> {
        let rows = self
            .call(
                "select table_name, key, attempts, sqlstate, reason from turnout.parked()",
                &[],
            )
            .await?;
        self.read(&rows, |row| {
            Ok(ParkedKey {
                table: row.try_get(0)?,
                key: row.try_get(1)?,
                attempts: row.try_get::<i32, _>(2)?.unsigned_abs(),
                sqlstate: row.try_get(3)?,
                reason: row.try_get(4)?,
            })
        })
    }

    /// Has parked keys tried again, all or those of one table; returns how many.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn retry_parked(&self, table: Option<&str>) -> Result<i64, Error> {
        self.value(
            "select turnout.retry_parked(nullif($1, ''))",
            &[Parameter::Text(table.unwrap_or_default())],
        )
        .await
    }

    /// Gives parked keys up, all or those of one table; returns how many.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn drop_parked(&self, table: Option<&str>) -> Result<i64, Error> {
        self.value(
            "select turnout.drop_parked(nullif($1, ''))",
            &[Parameter::Text(table.unwrap_or_default())],
        )
        .await
    }
}
