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
    /// The name of its repository; that of the table where this host serves none.
    #[serde(skip)]
    pub repository: String,
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
    /// The table's schema.
    pub schema: String,
    /// The name of the table's repository; that of the table where this host serves none.
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
        let standing = self.rows(
            "select schema_name as schema, table_name as \"table\", dirty, oldest_seconds as oldest, held, parked, diverged, \
             verify from turnout.standing()",
            &[],
        );
        let mut standing: Vec<MirrorStanding> = standing.await?;
        for one in &mut standing {
            one.repository = self.repository_of(&one.schema, &one.table);
        }
        Ok(standing)
    }

    /// The parked keys of this side, the first thousand.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn parked(&self) -> Result<Vec<ParkedKey>, Error> {
        let parked = self.rows(
            "select schema_name as schema, table_name as \"table\", key, attempts, sqlstate, reason from turnout.parked()",
            &[],
        );
        let mut parked: Vec<ParkedKey> = parked.await?;
        for one in &mut parked {
            one.table = self.repository_of(&one.schema, &one.table);
        }
        Ok(parked)
    }

    /// The name of the repository of a table; that of the table where this host serves none.
    fn repository_of(&self, schema: &str, table: &str) -> String {
        let mut served = self.repositories().iter();
        let served = served.find(|served| served.schema == schema && served.table == table);
        served.map_or(table, |served| &served.name).to_owned()
    }

    /// The table of a repository, as the functions that treat parked keys are told it; empty for all.
    fn table_of(&self, repository: Option<&str>) -> Parameter<'static> {
        let mut served = self.repositories().iter();
        let served = repository.and_then(|name| served.find(|served| served.name == name));
        let table = served.map_or_else(
            || repository.unwrap_or_default().to_owned(),
            |served| format!("{}.{}", served.schema, served.table),
        );
        Parameter::Text(table.into())
    }

    /// Has parked keys tried again, all or those of one repository; returns how many.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn retry_parked(&self, repository: Option<&str>) -> Result<i64, Error> {
        self.value(
            "select turnout.retry_parked(nullif($1, ''))::text",
            &[self.table_of(repository)],
        )
        .await
    }

    /// Gives parked keys up, all or those of one repository; returns how many.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn drop_parked(&self, repository: Option<&str>) -> Result<i64, Error> {
        self.value(
            "select turnout.drop_parked(nullif($1, ''))::text",
            &[self.table_of(repository)],
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
