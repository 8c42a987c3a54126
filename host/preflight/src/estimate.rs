//! How large the tables are, and how long their copy takes, by copying samples.

use std::time::Instant;

use serde::Serialize;
use turnout_backends::{Database, Error};
use turnout_vocabulary::{PerBackend, Repository};

use crate::catalogue::Catalogue;

/// How many samples of each table are copied.
const SAMPLES: u32 = 3;

/// About how many rows a sample has.
const ROWS: u64 = 2000;

/// How large a table is, and how long its copy takes.
#[derive(Clone, Debug, Serialize)]
pub struct Size {
    /// The table with its schema.
    pub table: String,
    /// How many rows each side has: counted where PostgreSQL has no estimate.
    pub rows: PerBackend<u64>,
    /// The size with indexes on each side.
    pub bytes: PerBackend<u64>,
    /// What the samples say; `None` if `old` has no rows, or `new` has no such table or refused the samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopyTime>,
    /// Why the samples were refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// How long the copy of a table takes, as its samples say.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CopyTime {
    /// How many rows the samples had.
    pub sampled: u64,
    /// How many rows a second the samples were copied at, reading and writing one after the other.
    pub rows_per_second: f64,
    /// How many bytes of rows a second.
    pub bytes_per_second: f64,
    /// How many seconds the whole table takes by the fastest sample.
    pub seconds_at_least: f64,
    /// How many by the slowest.
    pub seconds_at_most: f64,
}

/// The sizes of the tables that `old` has.
pub(crate) async fn sizes(
    sides: &PerBackend<Database>,
    catalogues: &PerBackend<Catalogue>,
    repositories: &[Repository],
) -> Result<Vec<Size>, Error> {
    let mut found = Vec::new();
    for repository in repositories {
        let mut size = Size {
            table: format!("{}.{}", repository.schema, repository.table),
            rows: PerBackend::default(),
            bytes: PerBackend::default(),
            copy: None,
            refused: None,
        };
        let mut is_on_both = true;
        for (side, database) in sides.iter() {
            let Some(table) = catalogues[side].table(&repository.schema, &repository.table) else {
                is_on_both = false;
                continue;
            };
            size.bytes[side] = table.bytes;
            size.rows[side] = match table.rows {
                0 => database.count_rows(repository).await?,
                rows => rows,
            };
        }
        if is_on_both && size.rows.old > 0 {
            match copy(sides, repository, size.rows.old).await {
                Ok(copied) => size.copy = copied,
                Err(error) => size.refused = Some(error.to_string()),
            }
        }
        found.push(size);
    }
    Ok(found)
}

/// Copies samples of a table to temporary tables of `new`. `None` if no sample has rows.
async fn copy(sides: &PerBackend<Database>, repository: &Repository, rows: u64) -> Result<Option<CopyTime>, Error> {
    let (mut sampled, mut bytes, mut seconds) = (0, 0, 0.0);
    let (mut fastest, mut slowest) = (f64::MIN, f64::MAX);
    for _ in 0..SAMPLES {
        let began = Instant::now();
        let sample = sides.old.sample(repository, rows, ROWS).await?;
        if sample.rows == 0 {
            continue;
        }
        sides.new.try_sample(repository, &sample).await?;
        let took = began.elapsed().as_secs_f64();
        let rate = as_float(sample.rows) / took;
        (fastest, slowest) = (fastest.max(rate), slowest.min(rate));
        sampled += sample.rows;
        bytes += sample.json.get().len() as u64;
        seconds += took;
    }
    Ok((sampled > 0).then(|| CopyTime {
        sampled,
        rows_per_second: as_float(sampled) / seconds,
        bytes_per_second: as_float(bytes) / seconds,
        seconds_at_least: as_float(rows) / fastest,
        seconds_at_most: as_float(rows) / slowest,
    }))
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn as_float(count: u64) -> f64 {
    count as f64
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (rows, bytes) = (self.rows, self.bytes);
        write!(
            f,
            "table {}: {} rows on old ({} KiB), {} on new ({} KiB)",
            self.table,
            rows.old,
            bytes.old / 1024,
            rows.new,
            bytes.new / 1024
        )?;
        if let Some(copy) = self.copy {
            write!(
                f,
                "; a copy takes {:.1} to {:.1} s (samples of {} rows went at {:.0} rows and {:.0} KiB a second)",
                copy.seconds_at_least,
                copy.seconds_at_most,
                copy.sampled,
                copy.rows_per_second,
                copy.bytes_per_second / 1024.0
            )?;
        }
        if let Some(reason) = &self.refused {
            write!(f, "; no sample could be copied: {reason}")?;
        }
        Ok(())
    }
}
