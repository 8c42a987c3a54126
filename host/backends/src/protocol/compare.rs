use std::ops::Range;

use serde::{Deserialize, Deserializer, de};
use turnout_vocabulary::{Epoch, Repository};

use super::fence::number;
use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;
use crate::wire::Json;

/// Where the rows of a table stand.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Extent {
    /// How many blocks it has.
    pub blocks: u64,
    /// About how many rows.
    pub rows: u64,
    /// The files that they are in: while these stay the same, a row that nobody changes keeps its place.
    pub files: String,
}

/// The digest of those rows of one part of a table that stand in some of its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct PartDigest {
    /// The number of the part.
    pub part: i32,
    /// How many rows are in it.
    pub rows: i64,
    /// The sum of their hashes.
    #[serde(deserialize_with = "number_in_text")]
    pub hash: i128,
}

/// One row as a comparison sees it. `Debug` shows neither key nor subject.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct ComparedRow {
    /// The key as a JSON object.
    pub key: String,
    /// The text of the subject column.
    pub subject: Option<String>,
    /// The hash of the row.
    pub hash: String,
}

impl std::fmt::Debug for ComparedRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ComparedRow")
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Where the rows of a table stand now.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn extent(&self, repository: &Repository) -> Result<Extent, Error> {
        self.row(
            "select blocks, row_count as rows, files from turnout.extent($1, $2)",
            &[Parameter::text(&repository.schema), Parameter::text(&repository.name)],
        )
        .await
    }

    /// The digest over these columns of the rows in some blocks, in so many parts by the hash of the key.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn digest(
        &self,
        repository: &Repository,
        columns: &[String],
        parts: u32,
        blocks: Range<u64>,
    ) -> Result<Vec<PartDigest>, Error> {
        self.rows(
            "select part, row_count as rows, hash from turnout.digest($1, $2, $3::text[], $4::int4, $5::int8, $6::int8)",
            &[
                Parameter::text(&repository.schema),
                Parameter::text(&repository.name),
                Parameter::list(columns),
                Parameter::number(parts),
                block(blocks.start),
                block(blocks.end),
            ],
        )
        .await
    }

    /// The rows in some of those parts that stand in some blocks.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn rows_in(
        &self,
        repository: &Repository,
        columns: &[String],
        parts: u32,
        chosen: &[String],
        blocks: Range<u64>,
    ) -> Result<Vec<ComparedRow>, Error> {
        self.rows(
            "select key, subject, hash from turnout.rows_in($1, $2, $3::text[], $4::int4, $5::int4[], $6::int8, $7::int8)",
            &[
                Parameter::text(&repository.schema),
                Parameter::text(&repository.name),
                Parameter::list(columns),
                Parameter::number(parts),
                Parameter::list(chosen),
                block(blocks.start),
                block(blocks.end),
            ],
        )
        .await
    }

    /// The texts of the subject column, each once; one `None` for a table without such a column.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn all_subjects(&self, repository: &Repository) -> Result<Vec<Option<String>>, Error> {
        let Json(subjects) = self
            .value(
                "select coalesce(json_agg(subject), '[]')::text from turnout.subjects($1, $2) as subject",
                &[Parameter::text(&repository.schema), Parameter::text(&repository.name)],
            )
            .await?;
        Ok(subjects)
    }

    /// Marks keys dirty here, each with its subject, under an epoch that must still be let in.
    ///
    /// # Errors
    /// [`Error::Fenced`] if the epoch is over, else as [`execute`](Self::execute).
    pub async fn mark(
        &self,
        repository: &Repository,
        keys: &[(String, Option<String>)],
        epoch: Epoch,
    ) -> Result<i64, Error> {
        self.value(
            "select turnout.mark($1, $2, array_agg(entry ->> 0 order by place), array_agg(entry ->> 1 order by place), $4::int8)::text \
             from json_array_elements($3::json) with ordinality as given (entry, place)",
            &[
                Parameter::text(&repository.schema),
                Parameter::text(&repository.name),
                Parameter::json(&keys),
                number(epoch),
            ],
        )
        .await
    }
}

/// The number of a block; they are 32 bits wide.
fn block(number: u64) -> Parameter<'static> {
    Parameter::number(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Reads a number that is wider than those of JSON.
fn number_in_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}
