use std::time::Duration;

use serde::{Deserialize, Serialize};
use turnout_vocabulary::{Epoch, Repository};

use super::fence::number;
use super::seconds;
use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;
use crate::wire::Json;

/// A divergence that a comparison found. `Debug` hides the key.
#[derive(Clone, Serialize)]
pub struct FoundDivergence {
    /// The key as a JSON object.
    pub key: String,
    /// How the rows differ, without values.
    pub reason: String,
    /// The columns that differ; empty if one side alone has a row.
    pub columns: Vec<String>,
}

impl std::fmt::Debug for FoundDivergence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FoundDivergence")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// What is known of a divergence that was noted. `Debug` hides the key.
#[derive(Clone, Deserialize)]
pub struct NotedDivergence {
    /// The key as a JSON object.
    pub key: String,
    /// How often it was to be repaired before.
    pub repairs: u32,
    /// How long ago it was first found.
    #[serde(rename = "seconds", deserialize_with = "seconds")]
    pub age: Duration,
}

impl std::fmt::Debug for NotedDivergence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NotedDivergence")
            .field("repairs", &self.repairs)
            .finish_non_exhaustive()
    }
}

/// A divergence that is open on one side. `Debug` hides the key.
#[derive(Clone, Deserialize)]
pub struct OpenDivergence {
    /// The table's schema.
    #[serde(rename = "schema_name")]
    pub schema: String,
    /// The table.
    #[serde(rename = "table_name")]
    pub table: String,
    /// The key as a JSON object.
    pub key: String,
    /// The epoch under which it was last found.
    pub epoch: u64,
    /// When it was first found, in RFC 3339.
    pub since: String,
    /// When it was last found, in RFC 3339.
    pub at: String,
    /// What found it: `direct`, `walk` or `read`.
    pub found_by: String,
    /// The columns that differ; `None` if they were not looked at.
    pub columns: Option<Vec<String>>,
    /// How the rows differ, or why they are not mirrored.
    pub reason: String,
    /// How often it was to be repaired.
    pub repairs: u32,
}

impl std::fmt::Debug for OpenDivergence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenDivergence")
            .field("table", &self.table)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// What is known of a key at some moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyEvent {
    /// When, in RFC 3339.
    pub at: String,
    /// `pending`, `held`, `parked`, `diverged` or `ended`.
    pub what: String,
    /// The epoch.
    pub epoch: u64,
    /// More of it in words.
    pub detail: String,
}

impl Database {
    /// Notes divergences of a repository here.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn note_divergences(
        &self,
        repository: &Repository,
        epoch: Epoch,
        found_by: &str,
        found: &[FoundDivergence],
    ) -> Result<Vec<NotedDivergence>, Error> {
        self.rows(
            "select * from turnout.note_divergences($1, $2, $3::int8, $4, $5::json)",
            &[
                Parameter::text(&repository.schema),
                Parameter::text(&repository.table),
                number(epoch),
                Parameter::text(found_by),
                Parameter::json(&found),
            ],
        )
        .await
    }

    /// The divergences that are open here, by schema, table and key; those after one, or the first.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn divergences(
        &self,
        after: Option<&OpenDivergence>,
        at_most: u32,
    ) -> Result<Vec<OpenDivergence>, Error> {
        let [schema, table, key] = after.map_or([""; 3], |last| [&last.schema, &last.table, &last.key]);
        self.rows(
            "select * from turnout.divergences($1, $2, $3, $4::int4)",
            &[
                Parameter::text(schema),
                Parameter::text(table),
                Parameter::text(key),
                Parameter::number(at_most),
            ],
        )
        .await
    }

    /// Ends divergences of a repository that are open here; returns how many there were.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn end_divergences(&self, repository: &Repository, by: &str, keys: &[&str]) -> Result<i64, Error> {
        self.value(
            "select turnout.end_divergences_of($1, $2, $3, $4::text[])::text",
            &[
                Parameter::text(&repository.schema),
                Parameter::text(&repository.table),
                Parameter::text(by),
                Parameter::list(keys),
            ],
        )
        .await
    }

    /// Those of these keys whose rows were changed behind Turnout's back here, where the divergence is open.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn direct_divergences(&self, repository: &Repository, keys: &[&str]) -> Result<Vec<String>, Error> {
        let Json(keys) = self
            .value(
                "select coalesce(json_agg(key), '[]')::text from turnout.direct_divergences($1, $2, $3::text[]) as key",
                &[
                    Parameter::text(&repository.schema),
                    Parameter::text(&repository.table),
                    Parameter::list(keys),
                ],
            )
            .await?;
        Ok(keys)
    }

    /// Notes that divergences of a repository that are open here are to be repaired; returns how many there were.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn note_repairs(&self, repository: &Repository, keys: &[&str]) -> Result<i64, Error> {
        self.value(
            "select turnout.note_repairs($1, $2, $3::text[])::text",
            &[
                Parameter::text(&repository.schema),
                Parameter::text(&repository.table),
                Parameter::list(keys),
            ],
        )
        .await
    }

    /// A key as pending entries have it, of a JSON object with its values.
    ///
    /// # Errors
    /// As [`execute`](Self::execute); also if a value is none of its column.
    pub async fn key_text(&self, repository: &Repository, given: &str) -> Result<String, Error> {
        self.value(
            "select turnout.key_text($1, $2, $3::json)",
            &[
                Parameter::text(&repository.schema),
                Parameter::text(&repository.table),
                Parameter::text(given),
            ],
        )
        .await
    }

    /// What is known here of a key, oldest first.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn key_history(&self, repository: &Repository, key: &str) -> Result<Vec<KeyEvent>, Error> {
        self.rows(
            "select * from turnout.key_history($1, $2, $3)",
            &[
                Parameter::text(&repository.schema),
                Parameter::text(&repository.table),
                Parameter::text(key),
            ],
        )
        .await
    }
}

/// What became of the rows of one table that came from one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparisons {
    /// The table's schema.
    #[serde(rename = "schema_name")]
    pub schema: String,
    /// The table.
    #[serde(rename = "table_name")]
    pub table: String,
    /// What led to the rows.
    pub source: String,
    /// How many were equal.
    pub equal: u64,
    /// How many changed or were pending at every look.
    pub unsettled: u64,
    /// How many were certain to differ.
    pub diverged: u64,
    /// How many were not compared because too many waited.
    pub dropped: u64,
    /// How many could not be compared because a side failed, or could not be mirrored.
    pub failed: u64,
}

impl Database {
    /// Adds what this host compared since it last did.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn add_comparisons(&self, counts: &[Comparisons]) -> Result<(), Error> {
        self.call(
            "select turnout.add_comparisons($1::json)::text",
            &[Parameter::json(&counts)],
        )
        .await
    }

    /// What all hosts compared within the last so many seconds.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn comparisons(&self, seconds: u32) -> Result<Vec<Comparisons>, Error> {
        self.rows(
            "select * from turnout.comparisons($1::int4)",
            &[Parameter::number(seconds)],
        )
        .await
    }

    /// How long ago a host raised an alert of this kind about what was compared; `None` if none did within a day.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn raised_ago(&self, kind: &str) -> Result<Option<Duration>, Error> {
        let seconds: Option<u64> = self
            .value("select turnout.raised_ago($1)::text", &[Parameter::text(kind)])
            .await?;
        Ok(seconds.map(Duration::from_secs))
    }

    /// Whether this host is to raise an alert of this kind: none was raised within so many seconds. Notes that it is raised now.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn raise_alert(&self, kind: &str, seconds: u32) -> Result<bool, Error> {
        self.value(
            "select turnout.raise_alert($1, $2::int4)::text",
            &[Parameter::text(kind), Parameter::number(seconds)],
        )
        .await
    }

    /// How many divergences are open here.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn open_divergences(&self) -> Result<u64, Error> {
        self.value("select turnout.open_divergences()::text", &[]).await
    }

    /// Keys as pending entries have them, of JSON objects with their values.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn key_texts(&self, repository: &Repository, given: &str) -> Result<Vec<String>, Error> {
        let Json(keys) = self
            .value(
                "select coalesce(json_agg(turnout.key_text($1, $2, element)), '[]')::text from json_array_elements($3::json) as element",
                &[
                    Parameter::text(&repository.schema),
                    Parameter::text(&repository.table),
                    Parameter::text(given),
                ],
            )
            .await?;
        Ok(keys)
    }
}
