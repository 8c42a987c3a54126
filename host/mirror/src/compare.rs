mod progress;
mod walk;

use std::collections::{BTreeMap, HashMap, HashSet};

use turnout_backends::{ComparedRow, Database, Error, Generated, Schema, TableColumn};
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository};

pub use progress::{Comparing, Looked};
use walk::Walk;

/// How many rows a part of a table should have. The digests of parts are compared first, and then the rows of the parts that differ.
const ROWS_IN_A_PART: u64 = 500;

/// How many keys are marked dirty in one statement.
const MARKED_AT_ONCE: usize = 5_000;

/// What a comparison of a repository found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// The rows of both sides, each key once.
    pub rows: u64,
    /// The rows that differ and were marked dirty on their authority.
    pub marked: u64,
    /// The columns that one side alone has: their values can't be equal.
    pub missing_columns: Vec<String>,
}

/// What keeps two sides from being equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differing {
    /// How many rows differ.
    pub rows: usize,
    /// The columns that one side alone has.
    pub missing_columns: Vec<String>,
}

/// Compares a repository's rows on both sides by full scans, and marks the rows dirty that differ and are mirrored. `authority` gives the
/// side to mark a row on for the text of its subject column; a row for which it gives none is not marked. `comparing` shows the progress.
///
/// # Errors
/// Whatever keeps a backend from answering; [`Error::Fenced`] if the epoch is over.
pub async fn compare(
    backends: &PerBackend<Database>,
    repository: &Repository,
    epoch: Epoch,
    comparing: &Comparing,
    authority: impl Fn(Option<&str>) -> Option<Backend>,
) -> Result<Compared, Error> {
    let columns = columns(backends, repository).await?;
    let (rows, differing) = differences(backends, repository, &columns.common, comparing).await?;
    let mut compared = Compared {
        rows,
        marked: 0,
        missing_columns: columns.missing,
    };
    for (backend, keys) in marks(differing, authority).iter() {
        for keys in keys.chunks(MARKED_AT_ONCE) {
            backends[backend].mark(repository, keys, epoch).await?;
            compared.marked += keys.len() as u64;
        }
    }
    Ok(compared)
}

/// How much differs between the sides, of the rows for whose text of the subject column `counts` is true. Nothing is marked dirty.
///
/// # Errors
/// Whatever keeps a backend from answering.
pub async fn differing(
    backends: &PerBackend<Database>,
    repository: &Repository,
    counts: impl Fn(Option<&str>) -> bool,
) -> Result<Differing, Error> {
    let columns = columns(backends, repository).await?;
    let (_, differing) = differences(backends, repository, &columns.common, &Comparing::default()).await?;
    let marks = marks(differing, |subject| counts(subject).then_some(Backend::Old));
    let keys: HashSet<&String> = marks
        .iter()
        .flat_map(|(_, marks)| marks.iter().map(|(key, _)| key))
        .collect();
    Ok(Differing {
        rows: keys.len(),
        missing_columns: columns.missing,
    })
}

/// How many rows there are on both sides, each key once, and the rows in the parts whose digests differ.
async fn differences(
    backends: &PerBackend<Database>,
    repository: &Repository,
    columns: &[String],
    comparing: &Comparing,
) -> Result<(u64, PerBackend<Vec<ComparedRow>>), Error> {
    let (old, new) = tokio::try_join!(backends.old.extent(repository), backends.new.extent(repository))?;
    let parts = u32::try_from(old.rows.max(new.rows) / ROWS_IN_A_PART + 1).unwrap_or(u32::MAX);
    let walk = |backend: Backend| Walk::new(&backends[backend], repository, columns, parts, comparing);
    let (old, new) = (walk(Backend::Old), walk(Backend::New));
    let (of_old, mut of_new) = tokio::try_join!(old.digest(), new.digest())?;
    let mut rows = 0;
    let mut differing: Vec<String> = Vec::new();
    for (part, digest) in of_old {
        let counterpart = of_new.remove(&part);
        rows += counterpart.map_or(0, |new| new.rows).max(digest.rows).unsigned_abs();
        if counterpart != Some(digest) {
            differing.push(part.to_string());
        }
    }
    rows += of_new.values().map(|digest| digest.rows.unsigned_abs()).sum::<u64>();
    differing.extend(of_new.into_keys().map(|part| part.to_string()));
    if differing.is_empty() {
        return Ok((rows, PerBackend::default()));
    }
    comparing.begin_second_look();
    let (old, new) = tokio::try_join!(old.rows_in(&differing), new.rows_in(&differing))?;
    Ok((rows, PerBackend { old, new }))
}

/// The keys to mark dirty on each side, each with the text of its subject column. A key may be marked with two subjects.
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
        // Both sides may have the row under different subjects. The key is marked on `old` if `old` is the authority of its own
        // row, else on `new` if `new` is the authority of its own. If both subjects have the same authority, the key is marked
        // with both: an apply overwrites a row only if its subject on the target is named.
        let says_old = authority(old.subject.as_deref());
        let Some(new) = new else {
            if let Some(backend) = says_old {
                marks[backend].push((old.key, old.subject));
            }
            continue;
        };
        let says_new = authority(new.subject.as_deref());
        let (backend, own, others) = if says_old == Some(Backend::Old) {
            (Backend::Old, old.subject, new.subject)
        } else if says_new == Some(Backend::New) {
            (Backend::New, new.subject, old.subject)
        } else {
            continue;
        };
        if says_old == says_new && own != others {
            marks[backend].push((old.key.clone(), others));
        }
        marks[backend].push((old.key, own));
    }
    for (key, new) in of_new {
        if let Some(backend) = authority(new.subject.as_deref()) {
            marks[backend].push((key, new.subject));
        }
    }
    marks
}

/// The columns of a table, as both sides have them.
struct Columns {
    /// The columns that both sides have and that at least one side does not compute, in one order.
    common: Vec<String>,
    /// The columns that one side alone has.
    missing: Vec<String>,
}

async fn columns(backends: &PerBackend<Database>, repository: &Repository) -> Result<Columns, Error> {
    let (old, new) = tokio::try_join!(backends.old.schema(), backends.new.schema())?;
    let of = |schema: &Schema| -> BTreeMap<String, bool> {
        let columns = schema.table(repository).map_or(&[][..], |table| &table.columns);
        let column = |column: &TableColumn| (column.name.clone(), column.generated == Generated::Stored);
        columns.iter().map(column).collect()
    };
    let (old, new) = (of(&old), of(&new));
    let mut columns = Columns {
        common: Vec::new(),
        missing: new.keys().filter(|name| !old.contains_key(*name)).cloned().collect(),
    };
    for (name, is_computed) in old {
        match new.get(&name) {
            None => columns.missing.push(name),
            Some(is_computed_too) if is_computed && *is_computed_too => {}
            Some(_) => columns.common.push(name),
        }
    }
    columns.missing.sort_unstable();
    Ok(columns)
}
