use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use turnout_vocabulary::{Epoch, Repository};

use super::fence::number;
use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;
use crate::wire::Json;

/// A row as a cleanup reviews it. `Debug` shows neither key nor values.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct ReviewedRow {
    /// The key as a JSON object, as pending entries have it.
    pub key: String,
    /// The text of the subject column.
    pub subject: Option<String>,
    /// The SHA-256 of all columns, in hexadecimal.
    pub hash: String,
    /// How long ago the row was made, where its table has a column `created_at` or `inserted_at`.
    #[serde(deserialize_with = "age")]
    pub age: Option<Duration>,
    /// The text of each column by its name. Of a text longer than 256 KiB only the beginning, with its length and SHA-256.
    #[serde(rename = "row")]
    pub texts: Map<String, Value>,
}

impl fmt::Debug for ReviewedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReviewedRow")
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

/// Rows that refer to others by one foreign key.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Referring {
    /// The schema of their table.
    pub schema: String,
    /// Their table.
    pub table: String,
    /// The foreign key.
    pub constraint: String,
    /// Their keys; `None` if the table is not served, or may not be read.
    pub keys: Option<Vec<String>>,
}

/// The reviewed rows of one table.
#[derive(Serialize)]
pub struct ReviewedTable<'a> {
    /// The table's schema.
    pub schema: &'a str,
    /// The table.
    pub table: &'a str,
    /// The rows.
    pub rows: Vec<RemovedRow<'a>>,
}

/// A row that is removed if it is still as it was reviewed.
#[derive(Serialize)]
pub struct RemovedRow<'a> {
    /// The key as a JSON object.
    pub key: &'a RawValue,
    /// The hash that it was reviewed with.
    pub hash: &'a str,
}

/// A row of the archive.
#[derive(Deserialize)]
pub struct ArchivedRow {
    /// Its place in the archive.
    pub place: i64,
    /// The schema of its table.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// Its key as a JSON object.
    pub key: String,
    /// The text of its subject column.
    pub subject: Option<String>,
    /// The text of each column by its name, as JSON.
    pub body: Box<RawValue>,
}

/// A row that is to be put back.
#[derive(Serialize)]
pub struct RowToPutBack<'a> {
    /// Its place in the archive of the side that it is put back on; `None` if another side has the archive.
    pub place: Option<i64>,
    /// The schema of its table.
    pub schema: &'a str,
    /// Its table.
    pub table: &'a str,
    /// The text of each column by its name, as JSON.
    pub row: &'a RawValue,
}

/// What became of a row that was to be put back.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum PutBack {
    /// It is there again.
    Restored,
    /// It was there already, unchanged.
    Present,
    /// It was left out.
    Refused {
        /// Why, in words without values.
        reason: String,
    },
}

/// What became of rows that were to be put back.
#[derive(Debug, Deserialize)]
pub struct PutBackRows {
    /// The transaction.
    pub transaction: i64,
    /// What became of each row, in the order in which they were given.
    pub rows: Vec<PutBack>,
}

/// What a cleanup removed from one table of one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCleanup {
    /// The name of the cleanup.
    pub cleanup: String,
    /// When, in UTC (RFC 3339).
    pub at: String,
    /// The table.
    pub table: String,
    /// How many rows were removed.
    pub removed: u64,
    /// How many of them were put back.
    pub restored: u64,
}

impl Database {
    /// Rows by their keys, a JSON array of objects, in no order; those that are not there are missing.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn reviewed(&self, repository: &Repository, keys: &str) -> Result<Vec<ReviewedRow>, Error> {
        let [schema, table] = named(repository);
        let parameters = [schema, table, Parameter::text(keys)];
        let Json(rows) = self
            .value("select turnout.reviewed($1, $2, $3::json)::text", &parameters)
            .await?;
        Ok(rows)
    }

    /// The rows of any table that refer to rows with these keys, a JSON array of objects: at most so many of each foreign key.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn referring(&self, repository: &Repository, keys: &str, most: usize) -> Result<Vec<Referring>, Error> {
        let [schema, table] = named(repository);
        let most = Parameter::number(i64::try_from(most).unwrap_or(i64::MAX));
        let Json(referring) = self
            .value(
                "select turnout.referring($1, $2, $3::json, $4::integer)::text",
                &[schema, table, Parameter::text(keys), most],
            )
            .await?;
        Ok(referring)
    }

    /// How many rows a repository has, counted up to a million.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn rows_of(&self, repository: &Repository) -> Result<u64, Error> {
        self.value("select turnout.rows_of($1, $2)::text", &named(repository))
            .await
    }

    /// Removes rows that were reviewed, all or none, and keeps them in the archive under the name of the cleanup. Tables whose rows refer to
    /// others come first. Returns the transaction.
    ///
    /// # Errors
    /// [`Error::Fenced`] if the epoch is over; [`Error::Database`] with SQLSTATE TN008 if a row is not as it was reviewed, and TN009
    /// if PostgreSQL would go on to rows that were not reviewed; else as [`execute`](Self::execute).
    pub async fn remove_reviewed(
        &self,
        cleanup: &str,
        epoch: Epoch,
        tables: &[ReviewedTable<'_>],
    ) -> Result<i64, Error> {
        self.value(
            "select turnout.remove_reviewed($1, $2::int8, $3::json)",
            &[Parameter::text(cleanup), number(epoch), Parameter::json(&tables)],
        )
        .await
    }

    /// The rows that a cleanup removed here within this time and that are not put back, those first that others refer to.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn archived(&self, cleanup: &str, keep: Duration) -> Result<Vec<ArchivedRow>, Error> {
        self.rows(
            "select place, schema_name as schema, table_name as \"table\", key, subject, body \
             from turnout.archived($1, make_interval(secs => $2::float8))",
            &[Parameter::text(cleanup), seconds(keep)],
        )
        .await
    }

    /// What keeps a cleanup from removing rows of a repository on this side, in words without values. `is_mirror` says that the mirror would
    /// remove them.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn hazards(&self, repository: &Repository, is_mirror: bool) -> Result<Vec<String>, Error> {
        let [schema, table] = named(repository);
        let Json(hazards) = self
            .value(
                "select coalesce(json_agg(hazard), '[]')::text from turnout.hazards($1, $2, $3::int4::bool) as hazard",
                &[schema, table, Parameter::number(is_mirror)],
            )
            .await?;
        Ok(hazards)
    }

    /// Puts rows back, those first that others refer to; says of each what became of it, and notes that in the archive of this side. What
    /// refers to a row of the cleanup that is not put back is left out: one of the archive of this side, or of the `missing`. `together` puts
    /// all rows back or none, for rows that refer to each other.
    ///
    /// # Errors
    /// [`Error::Fenced`] if the epoch is over, else as [`execute`](Self::execute).
    pub async fn put_back(
        &self,
        cleanup: &str,
        epoch: Epoch,
        rows: &[RowToPutBack<'_>],
        missing: &[RowToPutBack<'_>],
        together: bool,
    ) -> Result<PutBackRows, Error> {
        let parameters = [
            Parameter::text(cleanup),
            number(epoch),
            Parameter::json(&rows),
            Parameter::json(&missing),
            Parameter::number(together),
        ];
        let Json(done) = self
            .value(
                "select turnout.put_back($1, $2::int8, $3::json, $4::json, $5::int4::bool)::text",
                &parameters,
            )
            .await?;
        Ok(done)
    }

    /// Notes that rows of the archive are put back; returns how many were not before.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn note_restored(&self, cleanup: &str, places: &[i64]) -> Result<u64, Error> {
        self.value(
            "select turnout.note_restored($1, $2::bigint[])::text",
            &[
                Parameter::text(cleanup),
                Parameter::list(places.iter().map(i64::to_string)),
            ],
        )
        .await
    }

    /// What cleanups removed here within this time, the latest first.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn cleanups(&self, keep: Duration) -> Result<Vec<KeptCleanup>, Error> {
        self.rows(
            "select cleanup, at, table_name as \"table\", removed, restored from turnout.cleanups(make_interval(secs => $1::float8))",
            &[seconds(keep)],
        )
        .await
    }

    /// Empties the archive of rows that were removed longer ago; returns how many.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn empty_archive(&self, keep: Duration) -> Result<u64, Error> {
        self.value(
            "select turnout.empty_archive(make_interval(secs => $1::float8))::text",
            &[seconds(keep)],
        )
        .await
    }
}

fn named(repository: &Repository) -> [Parameter<'_>; 2] {
    [Parameter::text(&repository.schema), Parameter::text(&repository.table)]
}

fn seconds(duration: Duration) -> Parameter<'static> {
    Parameter::number(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX))
}

/// Reads a number of seconds, or that there is none.
fn age<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let seconds = Option::<f64>::deserialize(deserializer)?;
    Ok(seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
}
