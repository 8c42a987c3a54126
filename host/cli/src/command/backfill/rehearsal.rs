use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;
use turnout_backends::{Chunk, CopyColumn, Database, Error as BackendError, KeyRange};
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository};

/// How many rows of a table are copied and taken back.
const SAMPLE: u64 = 2_000;

/// How many bytes these may have.
const MOST_BYTES: usize = 32 << 20;

/// What a copied sample of a repository showed.
#[derive(Serialize)]
struct Rehearsed {
    repository: String,
    /// How many rows were copied and taken back.
    rows: u64,
    /// About how many rows there are.
    of_about: u64,
    /// About how many seconds the copy takes; `None` where nothing could be copied.
    seconds: Option<f64>,
    /// Why rows are mirrored one by one, which takes far longer.
    one_by_one: Option<String>,
    /// What `new` refuses of the sample.
    refused: Option<String>,
}

/// Copies a sample of each repository from `old` to `new` and takes that back. False if the other side refuses rows.
pub(super) async fn rehearse(sides: &PerBackend<Database>, chosen: &[Repository], json: bool) -> Result<bool> {
    let epoch = sides.old.newest_epochs().await?.released.unwrap_or(Epoch::new(0));
    let mut all = Vec::new();
    for repository in chosen {
        let rehearsed = of(sides, repository, epoch).await;
        all.push(rehearsed.with_context(|| format!("{} can't be tried", repository.name))?);
    }
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
    } else {
        for rehearsed in &all {
            writeln!(out, "{}: {}", rehearsed.repository, rehearsed.in_words())?;
        }
    }
    Ok(all.iter().all(|rehearsed| rehearsed.refused.is_none()))
}

async fn of(sides: &PerBackend<Database>, repository: &Repository, epoch: Epoch) -> Result<Rehearsed> {
    let mut rehearsed = Rehearsed {
        repository: repository.name.clone(),
        rows: 0,
        of_about: sides.old.row_estimate(repository).await?,
        seconds: None,
        one_by_one: None,
        refused: None,
    };
    let (here, there) = tokio::try_join!(sides.old.copy_shape(repository), sides.new.copy_shape(repository))?;
    if let Some(column) = differing(&here.columns, &there.columns) {
        rehearsed.one_by_one = Some(format!("column {column} is not the same on both sides"));
        return Ok(rehearsed);
    }
    rehearsed.one_by_one = there.obstacle.map(|obstacle| format!("{obstacle} on {}", Backend::New));
    let columns = here.columns.into_iter().filter(|column| !column.is_generated);
    let columns: Vec<_> = columns.map(|column| column.name).collect();
    let key = sides.old.key_order(repository).await?.columns;
    let range = KeyRange {
        columns: &columns,
        key: &key,
        low: None,
        high: None,
        parts: 1,
    };
    let high = sides.old.key_ahead(repository, range, SAMPLE).await?;
    let chunk = Chunk {
        repository,
        epoch,
        key: &key,
        low: None,
        high: high.as_deref(),
    };
    let range = KeyRange {
        high: high.as_deref(),
        ..range
    };
    if !sides.new.digest(repository, range, Some(1)).await?.is_empty() {
        // Rows that are there already are compared.
        return Ok(rehearsed);
    }
    let began = Instant::now();
    let Some(lines) = sides.old.copy_out(chunk, &columns, MOST_BYTES).await? else {
        return Ok(rehearsed);
    };
    let mut rows = Vec::with_capacity(lines.len());
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        rows.extend(line.splitn(3, |byte| *byte == b'\t').nth(2).unwrap_or_default());
        rehearsed.rows += 1;
    }
    match sides.new.rehearse_copy(repository, epoch, &columns, &rows).await {
        // Parents are copied first, which this does not do.
        Err(error) if error.is_foreign_key_violation() => {}
        Err(error) if error.sqlstate().is_some() => rehearsed.refused = Some(in_words(&error)),
        tried => tried?,
    }
    rehearsed.seconds = (rehearsed.rows > 0).then(|| took(began.elapsed(), rehearsed.rows, rehearsed.of_about));
    Ok(rehearsed)
}

/// About how long all rows take if some took so long.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn took(some: Duration, rows: u64, of_about: u64) -> f64 {
    some.as_secs_f64() * of_about.max(rows) as f64 / rows as f64
}

/// Why the database refuses rows, without their values: what it says of a constraint has none.
fn in_words(error: &BackendError) -> String {
    match error {
        BackendError::Database(error) if error.sqlstate.starts_with("23") => error.message.clone(),
        error => format!("SQLSTATE {}", error.sqlstate().unwrap_or_default()),
    }
}

/// The first column that differs.
fn differing(here: &[CopyColumn], there: &[CopyColumn]) -> Option<String> {
    let differs = |column: &&CopyColumn| !there.contains(column);
    let more = |column: &&CopyColumn| here.iter().all(|other| other.name != column.name);
    let column = here.iter().find(differs).or_else(|| there.iter().find(more))?;
    Some(column.name.clone())
}

impl Rehearsed {
    fn in_words(&self) -> String {
        if let Some(refused) = &self.refused {
            return format!(
                "new refuses a row of the first {}: {refused}; `turnout preflight` lists such rows",
                self.rows
            );
        }
        let of = format!("about {} rows", self.of_about);
        match (&self.one_by_one, self.seconds) {
            (Some(reason), _) => format!("{of}, mirrored one by one, as {reason}"),
            (None, Some(seconds)) => format!("{of}, {} of them tried; about {seconds:.0} s", self.rows),
            (None, None) => format!("{of}; the first are on new already, and will be compared"),
        }
    }
}
