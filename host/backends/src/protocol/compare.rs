use sqlx::Row as _;
use turnout_vocabulary::{Epoch, Repository};

use super::fence::number;
use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// The digest of one part of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartDigest {
    /// The number of the part.
    pub part: i32,
    /// How many rows are in it.
    pub rows: i64,
    /// The sum of their hashes.
    pub hash: String,
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
    /// The digest of a table over these columns, in so many parts by the hash of the key.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn digest(
        &self,
        repository: &Repository,
        columns: &[String],
        parts: u32,
    ) -> Result<Vec<PartDigest>, Error> {
        let rows = self
            .call(
                "select part, row_count, hash from turnout.digest($1, $2, $3, $4::int4)",
                &[
                    Parameter::Text(&repository.schema),
                    Parameter::Text(&repository.name),
                    Parameter::List(columns),
                    Parameter::Number(parts.into()),
                ],
            )
            .await?;
        self.read(&rows, |row| {
            Ok(PartDigest {
                part: row.try_get(0)?,
                rows: row.try_get(1)?,
                hash: row.try_get(2)?,
            })
        })
    }

    /// The rows in some of those parts.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn rows_in(
        &self,
        repository: &Repository,
        columns: &[String],
        parts: u32,
        chosen: &[String],
    ) -> Result<Vec<ComparedRow>, Error> {
        let rows = self
            .call(
                "select key, subject, hash from turnout.rows_in($1, $2, $3, $4::int4, $5::text[]::int4[])",
                &[
                    Parameter::Text(&repository.schema),
                    Parameter::Text(&repository.name),
                    Parameter::List(columns),
                    Parameter::Number(parts.into()),
                    Parameter::List(chosen),
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

    /// The highest number that a table has, or that its sequences have handed out.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn highest_number(&self, repository: &Repository) -> Result<i64, Error> {
        self.value(
            "select turnout.highest_number($1, $2)",
            &[Parameter::Text(&repository.schema), Parameter::Text(&repository.name)],
        )
        .await
    }

    /// Has the sequences of a table hand out only numbers above this one, and only those that the other side does not.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn number_above(&self, repository: &Repository, highest: i64) -> Result<(), Error> {
        self.call(
            "select turnout.number_above($1, $2, $3)::text",
            &[
                Parameter::Text(&repository.schema),
                Parameter::Text(&repository.name),
                Parameter::Number(highest),
            ],
        )
        .await
        .map(drop)
    }
}
