use std::ops::Range;

use sqlx::Row as _;
use turnout_vocabulary::{Epoch, Repository};

use super::fence::number;
use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// Where the rows of a table stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// How many blocks it has.
    pub blocks: u64,
    /// About how many rows.
    pub rows: u64,
    /// The files that they are in: while these stay the same, a row that nobody changes keeps its place.
    pub files: String,
}

/// The digest of those rows of one part of a table that stand in some of its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartDigest {
    /// The number of the part.
    pub part: i32,
    /// How many rows are in it.
    pub rows: i64,
    /// The sum of their hashes.
    pub hash: i128,
}

/// One row as a comparison sees it. `Debug` shows neither key nor subject.
#[derive(Clone, PartialEq, Eq)]
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
        let rows = self
            .call(
                "select blocks, row_count, files from turnout.extent($1, $2)",
                &[Parameter::Text(&repository.schema), Parameter::Text(&repository.name)],
            )
            .await?;
        let extents = self.read(&rows, |row| {
            Ok(Extent {
                blocks: row.try_get::<i64, _>(0)?.unsigned_abs(),
                rows: row.try_get::<i64, _>(1)?.unsigned_abs(),
                files: row.try_get(2)?,
            })
        })?;
        extents
            .into_iter()
            .next()
            .ok_or_else(|| self.unexpected(&sqlx::Error::RowNotFound))
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
        let rows = self
            .call(
                "select part, row_count, hash from turnout.digest($1, $2, $3, $4::int4, $5, $6)",
                &[
                    Parameter::Text(&repository.schema),
                    Parameter::Text(&repository.name),
                    Parameter::List(columns),
                    Parameter::Number(parts.into()),
                    block(blocks.start),
                    block(blocks.end),
                ],
            )
            .await?;
        self.read(&rows, |row| {
            let hash: String = row.try_get(2)?;
            Ok(PartDigest {
                part: row.try_get(0)?,
                rows: row.try_get(1)?,
                hash: hash.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            })
        })
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
        let rows = self
            .call(
                "select key, subject, hash from turnout.rows_in($1, $2, $3, $4::int4, $5::text[]::int4[], $6, $7)",
                &[
                    Parameter::Text(&repository.schema),
                    Parameter::Text(&repository.name),
                    Parameter::List(columns),
                    Parameter::Number(parts.into()),
                    Parameter::List(chosen),
                    block(blocks.start),
                    block(blocks.end),
                ],
            )
            .await?;
        self.read(&rows, |row| {
            Ok(ComparedRow {
                key: row.try_get(0)?,
                subject: row.try_get(1)?,
                hash: row.try_get(2)?,
            })
        })
    }

    /// The texts of the subject column, each once; one `None` for a table without such a column.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn all_subjects(&self, repository: &Repository) -> Result<Vec<Option<String>>, Error> {
        let rows = self
            .call(
                "select * from turnout.subjects($1, $2)",
                &[Parameter::Text(&repository.schema), Parameter::Text(&repository.name)],
            )
            .await?;
        self.read(&rows, |row| row.try_get(0))
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
        let entries = serde_json::to_string(keys).unwrap_or_default();
        self.value(
            "select turnout.mark($1, $2, array_agg(entry ->> 0 order by place), array_agg(entry ->> 1 order by place), $4) \
             from json_array_elements($3::json) with ordinality as given (entry, place)",
            &[
                Parameter::Text(&repository.schema),
                Parameter::Text(&repository.name),
                Parameter::Text(&entries),
                number(epoch),
            ],
        )
        .await
    }
}

/// The number of a block; they are 32 bits wide.
fn block(number: u64) -> Parameter<'static> {
    Parameter::Number(i64::from(u32::try_from(number).unwrap_or(u32::MAX)))
}
