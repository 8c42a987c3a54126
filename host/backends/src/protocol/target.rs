use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::database::Database;
use crate::error::{Error, sqlstate};
use crate::sql::Parameter;

/// What is to be made of one table. `Debug` shows no key and no row.
#[derive(Serialize)]
pub struct TableChange<'a> {
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
        /// For each the texts of the subject column that its row may have here: another row is left alone.
        subjects: Vec<Vec<&'a Option<String>>>,
    },
    /// Rows that are to be there.
    There {
        /// Their keys, each a JSON object.
        keys: Vec<&'a RawValue>,
        /// The rows in the same order, each a JSON object.
        rows: Vec<&'a RawValue>,
        /// The columns of the rows; all have the same.
        columns: Vec<String>,
        /// For each the texts of the subject column that the row here may have, `None` if only the row's own; `None` if that is so for all.
        #[serde(skip_serializing_if = "Option::is_none")]
        subjects: Option<Vec<Option<Vec<&'a Option<String>>>>>,
        /// The keys of those that this side may be the authority of.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        handed_over: Vec<&'a RawValue>,
        /// The keys of those that this side is the authority of from now on, each with its subject.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        arriving: Vec<(&'a RawValue, &'a Option<String>)>,
    },
}

impl std::fmt::Debug for TableChange<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableChange")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

/// A key that could not be applied, or whose row came out otherwise.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct NotApplied {
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The key, as it was given.
    pub key: String,
    /// Why, as PostgreSQL counts errors.
    pub sqlstate: String,
    /// What is to blame, in words without values.
    pub reason: String,
    /// Whether the row was written all the same, and has other values than it was given.
    pub is_written: bool,
}

impl NotApplied {
    /// The row is larger than can be mirrored.
    pub const TOO_LARGE: &'static str = sqlstate::PROGRAM_LIMIT_EXCEEDED;
    /// The key belongs to another subject on the other side.
    pub const ANOTHERS: &'static str = "TN006";
    /// The row has other values than it was given.
    pub const OTHERWISE: &'static str = "TN007";
    /// The reason of all keys of a table that somebody keeps locked as a whole.
    pub const LOCKED: &'static str = "the table is locked";
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
    /// after them. It is the batch of this number; `shown` is the last one whose acknowledgement the other side keeps whatever crashes.
    /// Returns the keys that could not be applied, and those whose rows came out otherwise; all others are applied. With keys that are gone
    /// or handed over it leaves receipts.
    ///
    /// # Errors
    /// [`Error::Dispossessed`] if the lease is another's: nothing is changed then; else as [`execute`](Self::execute).
    pub async fn apply(
        &self,
        token: i64,
        changes: &[TableChange<'_>],
        tick: i64,
        shown: i64,
    ) -> Result<Vec<NotApplied>, Error> {
        self.rows(
            "select schema_name as schema, table_name as \"table\", key, sqlstate, reason, is_written \
             from turnout.apply($1::int8, $2::json, $3::int8, $4::int8)",
            &[
                Parameter::number(token),
                Parameter::json(&changes),
                Parameter::number(tick),
                Parameter::number(shown),
            ],
        )
        .await
    }
}
