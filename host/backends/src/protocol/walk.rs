use serde::{Deserialize, Deserializer, de};
use turnout_vocabulary::Repository;

use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;
use crate::wire::Json;

/// The key of a table, as its rows can be gone through.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct KeyOrder {
    /// Its columns in the order of the unique index.
    pub columns: Vec<String>,
    /// What the order of its values depends on: two sides with the same text order their keys alike. `None` if that is not known.
    pub sorted: Option<String>,
}

/// Some of the rows of a table, by their keys.
#[derive(Clone, Copy, Debug)]
pub struct KeyRange<'a> {
    /// The columns that rows are compared by, in one order for both sides.
    pub columns: &'a [String],
    /// The columns of the key, in the order of the index.
    pub key: &'a [String],
    /// The key that the range begins after, as a JSON object; `None` for the first row.
    pub low: Option<&'a str>,
    /// The last key of the range; `None` for the last row.
    pub high: Option<&'a str>,
    /// How many parts the rows fall into by a hash of their key.
    pub parts: u32,
}

/// The digest of the rows of one part of a range.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct PartDigest {
    /// The number of the part.
    pub part: u32,
    /// How many rows there are.
    pub rows: u64,
    /// The exclusive or of their hashes.
    #[serde(deserialize_with = "hash_in_text")]
    pub hash: RowHash,
}

/// The SHA-256 of a row: of the text that PostgreSQL writes for the compared columns under pinned settings.
pub type RowHash = [u8; 32];

/// One row as a comparison sees it. `Debug` shows neither key nor subject.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct ComparedRow {
    /// The key as a JSON object.
    pub key: String,
    /// The text of the subject column.
    pub subject: Option<String>,
    /// The hash of the row.
    #[serde(deserialize_with = "hash_in_text")]
    pub hash: RowHash,
}

/// A row by its key, as it is at one moment.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Looked {
    /// The key that was asked for.
    pub key: String,
    /// The hash of the row; `None` if there is none.
    #[serde(deserialize_with = "hash_if_any")]
    pub hash: Option<RowHash>,
    /// The version of the row (`xmin`), which every write changes.
    pub version: Option<String>,
    /// The text of its subject column.
    pub subject: Option<String>,
    /// Whether a pending entry names the key on this side.
    #[serde(rename = "dirty")]
    pub is_dirty: bool,
    /// Why the key is held or parked on this side, if it is.
    pub held: Option<String>,
    /// Whether it is parked: the mirror does not try it again.
    #[serde(rename = "parked")]
    pub is_parked: bool,
}

/// The texts of a row's columns; `Debug` shows none.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct RowTexts {
    /// The key that was asked for.
    pub key: String,
    /// The text of each column by its name, `None` for null; `None` if there is no such row. Of a text longer than 256 KiB only the
    /// beginning, with its length and SHA-256.
    pub row: Option<serde_json::Map<String, serde_json::Value>>,
}

impl std::fmt::Debug for ComparedRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ComparedRow")
            .field("hash", &hex::encode(self.hash))
            .finish_non_exhaustive()
    }
}

impl Database {
    /// How the rows of a table can be gone through by their key.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn key_order(&self, repository: &Repository) -> Result<KeyOrder, Error> {
        self.row(
            "select columns, sorted from turnout.key_order($1, $2)",
            &table(repository),
        )
        .await
    }

    /// About how many rows a table has.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn row_estimate(&self, repository: &Repository) -> Result<u64, Error> {
        let [schema, name] = table(repository);
        self.value("select turnout.row_estimate($1, $2)::text", &[schema, name])
            .await
    }

    /// The key of the last of the first so many rows of a range, in the order of its key; `None` if the range has not so many.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn key_ahead(
        &self,
        repository: &Repository,
        range: KeyRange<'_>,
        rows: u64,
    ) -> Result<Option<String>, Error> {
        let [schema, name] = table(repository);
        self.value(
            "select turnout.key_ahead($1, $2, $3::text[], nullif($4, '')::json, nullif($5, '')::json, $6::int8)::text",
            &[
                schema,
                name,
                Parameter::list(range.key),
                Parameter::text(range.low.unwrap_or_default()),
                Parameter::text(range.high.unwrap_or_default()),
                number(rows),
            ],
        )
        .await
    }

    /// The digests of the rows of a range, one for each part that has rows: of the first `at_most`, in the order of the key, or of all.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn digest(
        &self,
        repository: &Repository,
        range: KeyRange<'_>,
        at_most: Option<u64>,
    ) -> Result<Vec<PartDigest>, Error> {
        let mut parameters = range.parameters(repository).to_vec();
        parameters.push(number(at_most.unwrap_or(0)));
        let Json(parts) = self
            .value(
                "select turnout.digest($1, $2, $3::text[], $4::text[], nullif($5, '')::json, nullif($6, '')::json, nullif($8::int8, 0), \
                 $7::int4)::text",
                &parameters,
            )
            .await?;
        Ok(parts)
    }

    /// The rows of a range that fall into these parts.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn rows_between(
        &self,
        repository: &Repository,
        range: KeyRange<'_>,
        chosen: &[String],
    ) -> Result<Vec<ComparedRow>, Error> {
        let mut parameters = range.parameters(repository).to_vec();
        parameters.push(Parameter::list(chosen));
        let Json(rows) = self
            .value(
                "select turnout.rows_between($1, $2, $3::text[], $4::text[], nullif($5, '')::json, nullif($6, '')::json, $7::int4, \
                 $8::int4[])::text",
                &parameters,
            )
            .await?;
        Ok(rows)
    }

    /// Rows by their keys, as they are at one moment, in no order.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn look(&self, repository: &Repository, columns: &[String], keys: &[&str]) -> Result<Vec<Looked>, Error> {
        let [schema, name] = table(repository);
        let Json(looked) = self
            .value(
                "select turnout.look($1, $2, $3::text[], $4::text[])::text",
                &[schema, name, Parameter::list(columns), Parameter::list(keys)],
            )
            .await?;
        Ok(looked)
    }

    /// The texts of rows by their keys, in no order.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn texts(
        &self,
        repository: &Repository,
        columns: &[String],
        keys: &[&str],
    ) -> Result<Vec<RowTexts>, Error> {
        let [schema, name] = table(repository);
        let Json(texts) = self
            .value(
                "select turnout.texts($1, $2, $3::text[], $4::text[])::text",
                &[schema, name, Parameter::list(columns), Parameter::list(keys)],
            )
            .await?;
        Ok(texts)
    }
}

impl KeyRange<'_> {
    fn parameters<'a>(&'a self, repository: &'a Repository) -> [Parameter<'a>; 7] {
        let [schema, name] = table(repository);
        [
            schema,
            name,
            Parameter::list(self.columns),
            Parameter::list(self.key),
            Parameter::text(self.low.unwrap_or_default()),
            Parameter::text(self.high.unwrap_or_default()),
            Parameter::number(self.parts),
        ]
    }
}

fn table(repository: &Repository) -> [Parameter<'_>; 2] {
    [Parameter::text(&repository.schema), Parameter::text(&repository.table)]
}

fn number(rows: u64) -> Parameter<'static> {
    Parameter::number(i64::try_from(rows).unwrap_or(i64::MAX))
}

/// Reads the hexadecimal digits of a hash.
fn hash_in_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RowHash, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    let mut hash = RowHash::default();
    hex::decode_to_slice(text.as_bytes(), &mut hash).map_err(de::Error::custom)?;
    Ok(hash)
}

/// The same, or that there is none.
fn hash_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RowHash>, D::Error> {
    #[derive(Deserialize)]
    struct Hash(#[serde(deserialize_with = "hash_in_text")] RowHash);
    Ok(Option::<Hash>::deserialize(deserializer)?.map(|Hash(hash)| hash))
}
