use std::collections::HashMap;

use turnout_backends::{ComparedRow, Database, Error, Generated};
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository};

/// How many rows a part of a table should have: what differs is looked for in parts of this size.
const ROWS_IN_A_PART: u64 = 500;

/// How many keys are marked at once.
const MARKED_AT_ONCE: usize = 5_000;

/// What a comparison found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// The rows of both sides, each key once.
    pub rows: u64,
    /// Those that differ and were marked dirty on their authority.
    pub marked: u64,
}

/// Compares a repository's rows on both sides, and marks those dirty that differ and are mirrored: on the side that
/// `authority` gives for the text of the subject column, or nowhere where it gives none.
///
/// # Errors
/// Whatever keeps a backend from answering; [`Error::Fenced`] if the epoch is over.
pub async fn compare(
    backends: &PerBackend<Database>,
    repository: &Repository,
    epoch: Epoch,
    authority: impl Fn(Option<&str>) -> Option<Backend>,
) -> Result<Compared, Error> {
    number_apart(backends, repository).await?;
    let (rows, differing) = differences(backends, repository).await?;
    let mut compared = Compared { rows, marked: 0 };
    for (backend, keys) in marks(differing, authority).iter() {
        for keys in keys.chunks(MARKED_AT_ONCE) {
            backends[backend].mark(repository, keys, epoch).await?;
            compared.marked += keys.len() as u64;
        }
    }
    Ok(compared)
}

/// Has both sides go on above the numbers of both: rows of one side are about to come to the other with theirs.
async fn number_apart(backends: &PerBackend<Database>, repository: &Repository) -> Result<(), Error> {
    let (old, new) = tokio::try_join!(
        backends.old.highest_number(repository),
        backends.new.highest_number(repository)
    )?;
    let highest = old.max(new);
    tokio::try_join!(
        backends.old.number_above(repository, highest),
        backends.new.number_above(repository, highest)
    )?;
    Ok(())
}

/// How many rows differ between the sides, of those whose text of the subject column `counts`.
///
/// # Errors
/// Whatever keeps a backend from answering.
pub async fn differing(
    backends: &PerBackend<Database>,
    repository: &Repository,
    counts: impl Fn(Option<&str>) -> bool,
) -> Result<usize, Error> {
    let (_, differing) = differences(backends, repository).await?;
    let marks = marks(differing, |subject| counts(subject).then_some(Backend::Old));
    Ok(marks.old.len() + marks.new.len())
}

/// How many rows there are, and those in the parts that differ.
async fn differences(
    backends: &PerBackend<Database>,
    repository: &Repository,
) -> Result<(u64, PerBackend<Vec<ComparedRow>>), Error> {
    let columns = common_columns(backends, repository).await?;
    let parts = parts(backends, repository, &columns).await?;
    let (of_old, of_new) = tokio::try_join!(
        backends.old.digest(repository, &columns, parts),
        backends.new.digest(repository, &columns, parts)
    )?;
    let mut rows = 0;
    let mut of_new: HashMap<i32, _> = of_new.into_iter().map(|digest| (digest.part, digest)).collect();
    let mut differing: Vec<String> = Vec::new();
    for digest in of_old {
        let counterpart = of_new.remove(&digest.part);
        let most = counterpart.as_ref().map_or(0, |new| new.rows).max(digest.rows);
        rows += most.unsigned_abs();
        if counterpart.as_ref() != Some(&digest) {
            differing.push(digest.part.to_string());
        }
    }
    rows += of_new.values().map(|digest| digest.rows.unsigned_abs()).sum::<u64>();
    differing.extend(of_new.into_keys().map(|part| part.to_string()));
    if differing.is_empty() {
        return Ok((rows, PerBackend::default()));
    }
    let (old, new) = tokio::try_join!(
        backends.old.rows_in(repository, &columns, parts, &differing),
        backends.new.rows_in(repository, &columns, parts, &differing)
    )?;
    Ok((rows, PerBackend { old, new }))
}

/// Keys with the text of their subject column, to be marked on each side.
fn marks(
    rows: PerBackend<Vec<ComparedRow>>,
    authority: impl Fn(Option<&str>) -> Option<Backend>,
) -> PerBackend<Vec<(String, Option<String>)>> {
    let mut marks = PerBackend::<Vec<_>>::default();
    let mut of_new: HashMap<String, ComparedRow> = rows.new.into_iter().map(|row| (row.key.clone(), row)).collect();
    for old in rows.old {
        let new = of_new.remove(&old.key);
        if new.as_ref().is_some_and(|new| new.hash == old.hash) {
            continue;
        }
        // A row that both sides have under different subjects belongs to whoever both agree on; else each side has its say.
        let says_old = authority(old.subject.as_deref());
        let says_new = new.as_ref().map_or(says_old, |new| authority(new.subject.as_deref()));
        if says_old == Some(Backend::Old) {
            marks.old.push((old.key, old.subject));
        } else if says_new == Some(Backend::New) {
            let subject = new.map_or(old.subject, |new| new.subject);
            marks.new.push((old.key, subject));
        }
    }
    for (key, new) in of_new {
        if let Some(backend) = authority(new.subject.as_deref()) {
            marks[backend].push((key, new.subject));
        }
    }
    marks
}

/// The columns that both sides have and neither computes, in one order.
async fn common_columns(backends: &PerBackend<Database>, repository: &Repository) -> Result<Vec<String>, Error> {
    let (old, new) = tokio::try_join!(backends.old.schema(), backends.new.schema())?;
    let written = |table: &turnout_backends::Table| -> Vec<String> {
        let columns = table
            .columns
            .iter()
            .filter(|column| column.generated != Generated::Stored);
        columns.map(|column| column.name.clone()).collect()
    };
    let on_new = new.table(repository).map(written).unwrap_or_default();
    let mut columns = old.table(repository).map(written).unwrap_or_default();
    columns.retain(|column| on_new.contains(column));
    columns.sort_unstable();
    Ok(columns)
}

/// In how many parts to compare.
async fn parts(backends: &PerBackend<Database>, repository: &Repository, columns: &[String]) -> Result<u32, Error> {
    let (old, new) = tokio::try_join!(
        backends.old.digest(repository, columns, 1),
        backends.new.digest(repository, columns, 1)
    )?;
    let rows = old.iter().chain(&new).map(|part| part.rows.unsigned_abs());
    Ok(u32::try_from(rows.max().unwrap_or(0) / ROWS_IN_A_PART + 1).unwrap_or(u32::MAX))
}
