use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::Row as _;

use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// What is to be made of one table. `Debug` shows no key and no row.
#[derive(Serialize)]
pub struct Change<'a> {
    /// The table's schema.
    pub schema: &'a str,
    /// The table.
    pub table: &'a str,
    /// The snapshot that the rows were read in.
    pub seen: &'a str,
    /// Its rows.
    #[serde(flatten)]
    pub rows: ChangedRows<'a>,
}

/// Rows to be made equal.
#[derive(Serialize)]
#[serde(untagged)]
pub enum ChangedRows<'a> {
    /// Rows that are no more.
    Gone {
        /// Their keys, each a JSON object.
        gone: Vec<&'a RawValue>,
    },
    /// Rows that are to be there.
    There {
        /// Their keys, each a JSON object.
        keys: Vec<&'a RawValue>,
        /// The rows in the same order, each a JSON object.
        rows: Vec<&'a RawValue>,
        /// The columns of the rows; all have the same.
        columns: Vec<String>,
        /// The keys of those that this side may be the authority of.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        handed_over: Vec<&'a RawValue>,
    },
}

impl std::fmt::Debug for Change<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Change")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

/// A key that could not be applied.
#[derive(Clone, PartialEq, Eq)]
pub struct NotApplied {
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The key, as it was given.
    pub key: String,
    /// Why, as PostgreSQL counts errors.
    pub sqlstate: String,
    /// The constraint that it violates; empty if none is to blame.
    pub constraint: String,
}

impl std::fmt::Debug for NotApplied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NotApplied")
            .field("table", &self.table)
            .field("sqlstate", &self.sqlstate)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Makes rows here equal to those of the other side, in the order of `changes`: children go before their parents, and come
    /// after them. Returns the keys that could not be applied; all others are. With keys that are gone or handed over it leaves
    /// receipts.
    ///
    /// # Errors
    /// [`Error::Dispossessed`] if the lease is another's: nothing is changed then; else as [`execute`](Self::execute).
    pub async fn apply(&self, token: i64, changes: &[Change<'_>]) -> Result<Vec<NotApplied>, Error> {
        let changes =
            serde_json::to_string(changes).map_err(|error| self.unexpected(&sqlx::Error::Encode(error.into())))?;
        let rows = self
            .call(
                "select schema_name, table_name, key, sqlstate, coalesce(reason, '') from turnout.apply($1, $2::json)",
                &[Parameter::Number(token), Parameter::Text(&changes)],
            )
            .await?;
        self.read(&rows, |row| {
            Ok(NotApplied {
                schema: row.try_get(0)?,
                table: row.try_get(1)?,
                key: row.try_get(2)?,
                sqlstate: row.try_get(3)?,
                constraint: row.try_get(4)?,
            })
        })
    }
}
