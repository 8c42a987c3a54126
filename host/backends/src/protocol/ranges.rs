use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use turnout_vocabulary::{Epoch, PerBackend, Repository};

use super::fence::number;
use super::gaps::Traces;
use super::seconds;
use crate::database::Database;
use crate::error::Error;
use crate::sql::{Parameter, Statement, quoted};

/// A dirty range: the rows of a table from a key on, which may all differ from the other side. `Debug` shows no key.
#[derive(Clone, Deserialize)]
pub struct DirtyRange {
    /// The table's schema.
    #[serde(rename = "schema_name")]
    pub schema: String,
    /// The table.
    #[serde(rename = "table_name")]
    pub table: String,
    /// The epoch that it is copied under.
    pub epoch: Epoch,
    /// The columns of the key, in the order that the range goes by.
    #[serde(rename = "key_columns")]
    pub key: Vec<String>,
    /// The rows up to this key, a JSON object, are done with; `None` before the first chunk, and after the last.
    pub low: Option<Box<RawValue>>,
    /// How many rows of this side are done with.
    pub rows: u64,
    /// How many of them were copied. The others were equal, or were given pending entries.
    pub copied: u64,
    /// In what share of the time it may be worked off, in percent.
    pub load: u8,
    /// What the table looked like on each side before the range began.
    pub before: PerBackend<Traces>,
    /// Since when it is there, or how long it took.
    #[serde(rename = "seconds", deserialize_with = "seconds")]
    pub took: Duration,
    /// Whether it is done with.
    pub is_done: bool,
}

impl std::fmt::Debug for DirtyRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirtyRange")
            .field("table", &self.table)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// How rows of a table can be copied.
#[derive(Clone, Debug, Deserialize)]
pub struct CopyShape {
    /// Its columns, by name.
    pub columns: Vec<CopyColumn>,
    /// Why no rows can be copied to this side as they are, in words; `None` if they can.
    pub obstacle: Option<String>,
}

/// A column as a copy sees it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CopyColumn {
    /// Its name.
    pub name: String,
    /// Its type, and what a generated column holds.
    #[serde(rename = "type")]
    pub holds: String,
    /// Whether the database generates its values.
    pub is_generated: bool,
}

/// A part of a dirty range: the rows whose keys come after one key and not after another.
#[derive(Clone, Copy)]
pub struct Chunk<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// The epoch of the range.
    pub epoch: Epoch,
    /// The columns of the key, in the order of the range.
    pub key: &'a [String],
    /// The key that it begins after, as a JSON object; `None` for the first row.
    pub low: Option<&'a str>,
    /// Its last key; `None` for the last row.
    pub high: Option<&'a str>,
}

/// What became of a chunk.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChunkEnd {
    /// How many rows it had on the source.
    pub rows: u64,
    /// How many of them were copied.
    pub copied: u64,
    /// The number of the last batch that was applied.
    pub tick: i64,
    /// The number that this side has kept as that until now.
    pub before: i64,
}

impl Database {
    /// Makes all rows of a repository a dirty range here, under an epoch that must still be let in. `before` is what the table looks like on
    /// each side.
    ///
    /// # Errors
    /// [`Error::Fenced`] if the epoch is over, else as [`execute`](Self::execute).
    pub async fn begin_range(
        &self,
        repository: &Repository,
        key: &[String],
        epoch: Epoch,
        load: u8,
        before: &PerBackend<Traces>,
    ) -> Result<(), Error> {
        let [schema, name] = table(repository);
        self.call(
            "select turnout.begin_range($1, $2, $3::text[], $4::int8, $5::int2, $6::json)::text",
            &[
                schema,
                name,
                Parameter::list(key),
                number(epoch),
                Parameter::number(load),
                Parameter::json(before),
            ],
        )
        .await
    }

    /// The dirty ranges here, also those that are done with and not forgotten.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn ranges(&self) -> Result<Vec<DirtyRange>, Error> {
        self.rows("select * from turnout.ranges()", &[]).await
    }

    /// Says in what share of the time, in percent, dirty ranges may be worked off from now on.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn pace_ranges(&self, load: u8) -> Result<(), Error> {
        self.call("select turnout.pace_ranges($1::int2)::text", &[Parameter::number(load)])
            .await
    }

    /// Forgets the range of a repository and an epoch, if it is done with.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn forget_range(&self, repository: &Repository, epoch: Epoch) -> Result<(), Error> {
        let [schema, name] = table(repository);
        self.call(
            "select turnout.forget_range($1, $2, $3::int8)::text",
            &[schema, name, number(epoch)],
        )
        .await
    }

    /// Whether rows of a repository can be read here, or written, without a wait for somebody who has locked the whole table.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn is_free(&self, repository: &Repository, to_write: bool) -> Result<bool, Error> {
        let [schema, name] = table(repository);
        let mode = if to_write { "row exclusive" } else { "access share" };
        let free: String = self
            .value(
                "select turnout.is_free($1, $2, $3)::text",
                &[schema, name, Parameter::text(mode)],
            )
            .await?;
        Ok(free == "true")
    }

    /// How rows of a repository can be copied.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn copy_shape(&self, repository: &Repository) -> Result<CopyShape, Error> {
        self.row(
            "select columns, obstacle from turnout.copy_shape($1, $2)",
            &table(repository),
        )
        .await
    }

    /// The rows of a chunk here, as COPY writes them: a line for each, with the text of the subject column, the key, and these columns. `None` if
    /// that is more than so many bytes.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn copy_out(&self, chunk: Chunk<'_>, columns: &[String], most: usize) -> Result<Option<Vec<u8>>, Error> {
        let [schema, name, key, low, high] = chunk.parameters();
        let query: String = self
            .value(
                "select turnout.copy_query($1, $2, $6::text[], $3::text[], nullif($4, '')::json, nullif($5, '')::json)",
                &[schema, name, key, low, high, Parameter::list(columns)],
            )
            .await?;
        self.protocol().copy_out(&query, most).await
    }

    /// Copies rows of a chunk to this side, as COPY reads these columns, all or none of them. It is the batch of this number; `shown` is the
    /// last one whose acknowledgement the other side keeps whatever crashes.
    ///
    /// # Errors
    /// [`Error::Dispossessed`] if the lease is another's, [`Error::Fenced`] if the epoch of the range is over, else as
    /// [`execute`](Self::execute).
    pub async fn copy_in(
        &self,
        token: i64,
        chunk: Chunk<'_>,
        columns: &[String],
        rows: &[u8],
        tick: i64,
        shown: i64,
    ) -> Result<(), Error> {
        let [schema, name, key, low, high] = chunk.parameters();
        let into = format!(
            "{}.{} ({})",
            quoted(&chunk.repository.schema),
            quoted(&chunk.repository.table),
            columns
                .iter()
                .map(|column| quoted(column))
                .collect::<Vec<_>>()
                .join(", ")
        );
        let epoch = [number(chunk.epoch)];
        let first = Statement::new("select turnout.begin_copy($1::int8)::text", &epoch);
        let last = [
            schema,
            name,
            key,
            low,
            high,
            Parameter::number(token),
            Parameter::number(tick),
            Parameter::number(shown),
        ];
        let last = Statement::new(
            "select turnout.end_copy($6::int8, $1, $2, $3::text[], nullif($4, '')::json, nullif($5, '')::json, $7::int8, $8::int8)::text",
            &last,
        );
        self.protocol().copy_in(&first, &into, rows, Some(&last)).await
    }

    /// Copies rows to this side, as COPY reads these columns, and takes that back: whether the database would refuse one. References are not
    /// checked where triggers are silent.
    ///
    /// # Errors
    /// As [`copy_in`](Self::copy_in).
    pub async fn rehearse_copy(
        &self,
        repository: &Repository,
        epoch: Epoch,
        columns: &[String],
        rows: &[u8],
    ) -> Result<(), Error> {
        let epoch = [number(epoch)];
        let first = Statement::new("select turnout.begin_copy($1::int8)::text", &epoch);
        self.protocol()
            .copy_in(&first, &into(repository, columns), rows, None)
            .await
    }

    /// Moves the bound of a range here to the end of a chunk.
    ///
    /// # Errors
    /// [`Error::Dispossessed`] if the lease is another's; else as [`execute`](Self::execute).
    pub async fn end_chunk(&self, token: i64, chunk: Chunk<'_>, end: ChunkEnd) -> Result<(), Error> {
        let [schema, name, _, low, high] = chunk.parameters();
        let count = |rows: u64| Parameter::number(i64::try_from(rows).unwrap_or(i64::MAX));
        self.call(
            "select turnout.end_chunk($1::int8, $2, $3, $4::int8, nullif($5, '')::json, nullif($6, '')::json, $7::int8, $8::int8, $9::int8, \
             $10::int8)::text",
            &[
                Parameter::number(token),
                schema,
                name,
                number(chunk.epoch),
                low,
                high,
                count(end.rows),
                count(end.copied),
                Parameter::number(end.tick),
                Parameter::number(end.before),
            ],
        )
        .await
    }
}

impl<'a> Chunk<'a> {
    fn parameters(self) -> [Parameter<'a>; 5] {
        let [schema, name] = table(self.repository);
        [
            schema,
            name,
            Parameter::list(self.key),
            Parameter::text(self.low.unwrap_or_default()),
            Parameter::text(self.high.unwrap_or_default()),
        ]
    }
}

/// What COPY writes into.
fn into(repository: &Repository, columns: &[String]) -> String {
    let columns: Vec<_> = columns.iter().map(|column| quoted(column)).collect();
    format!(
        "{}.{} ({})",
        quoted(&repository.schema),
        quoted(&repository.table),
        columns.join(", ")
    )
}

fn table(repository: &Repository) -> [Parameter<'_>; 2] {
    [Parameter::text(&repository.schema), Parameter::text(&repository.table)]
}
