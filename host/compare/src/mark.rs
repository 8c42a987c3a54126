use std::time::{Duration, Instant};

use turnout_backends::{ComparedRow, Database, Error};
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository};

use crate::chunk::marks_of;
use crate::{Columns, Load, Progress, Scanned, Suspect, Walk};

/// How many keys are marked dirty in one statement.
const MARKED_AT_ONCE: usize = 5_000;

/// How often the log says how far a comparison is.
const REPORT: Duration = Duration::from_secs(5);

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

/// The keys to mark dirty on each side, each with the text of its subject column.
pub type Marks = PerBackend<Vec<(String, Option<String>)>>;

/// Compares a repository's rows on both sides, and marks the rows dirty that differ and are mirrored: a row that only seems to differ is
/// mirrored once more. `authority` gives the side to mark a row on for the text of its subject column; a row for which it gives none is not
/// marked.
///
/// # Errors
/// Whatever keeps a backend from answering; [`Error::Fenced`] if the epoch is over.
pub async fn compare(
    sides: &PerBackend<Database>,
    repository: &Repository,
    epoch: Epoch,
    progress: &Progress,
    authority: impl Fn(Option<&str>) -> Option<Backend>,
) -> Result<Compared, Error> {
    let columns = Columns::of(sides, repository).await?;
    let mut walk = Walk::begin(sides, repository, &columns, None, Load::FULL, progress).await?;
    let mut compared = Compared {
        missing_columns: columns.missing.clone(),
        ..Compared::default()
    };
    let mut reported = Instant::now();
    while let Some(step) = walk.step().await? {
        if reported.elapsed() >= REPORT {
            reported = Instant::now();
            let Scanned { rows, of_about } = progress.on(Backend::Old);
            tracing::info!(repository = repository.name, rows, of_about, "both sides are compared");
        }
        compared.rows += step.equal.rows + step.suspects.len() as u64;
        let marks = marks_of(sides, repository, &columns.common, &step.suspects, &authority).await?;
        compared.marked += mark_dirty(sides, repository, epoch, &marks).await?;
    }
    Ok(compared)
}

/// How much differs between the sides, of the rows for whose text of the subject column `counts` is true. Nothing is marked dirty.
///
/// # Errors
/// Whatever keeps a backend from answering.
pub async fn differing(
    sides: &PerBackend<Database>,
    repository: &Repository,
    counts: impl Fn(Option<&str>) -> bool,
) -> Result<Differing, Error> {
    let columns = Columns::of(sides, repository).await?;
    let progress = Progress::default();
    let mut walk = Walk::begin(sides, repository, &columns, None, Load::FULL, &progress).await?;
    let mut differing = Differing {
        rows: 0,
        missing_columns: columns.missing.clone(),
    };
    while let Some(step) = walk.step().await? {
        let counts = |suspect: &&Suspect| {
            let mut rows = suspect.rows.iter().filter_map(|(_, row)| row.as_ref());
            rows.any(|row| counts(row.subject.as_deref()))
        };
        differing.rows += step.suspects.iter().filter(counts).count();
    }
    Ok(differing)
}

/// The text of the subject column of a row; `None` if it is null, or there is no such column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowSubject<'r>(pub(crate) Option<&'r str>);

impl<'r> RowSubject<'r> {
    fn of(row: &'r ComparedRow) -> Self {
        Self(row.subject.as_deref())
    }
}

/// Where to mark a suspect, and with which subjects.
pub(crate) fn mark(suspect: &Suspect, authority: impl Fn(Option<&str>) -> Option<Backend>, marks: &mut Marks) {
    let subjects = suspect.rows.as_ref().map(|row| row.as_ref().map(RowSubject::of));
    mark_key(suspect.key(), subjects, authority, marks);
}

/// Where to mark a key, by the text of the subject column of the row on each side that has one. A key may be marked with two subjects.
pub(crate) fn mark_key(
    key: &str,
    subjects: PerBackend<Option<RowSubject<'_>>>,
    authority: impl Fn(Option<&str>) -> Option<Backend>,
    marks: &mut Marks,
) {
    let mut push = |backend: Backend, subject: Option<&str>| {
        marks[backend].push((key.to_owned(), subject.map(str::to_owned)));
    };
    let (old, new) = match (subjects.old, subjects.new) {
        (Some(RowSubject(old)), Some(RowSubject(new))) => (old, new),
        (Some(RowSubject(subject)), None) | (None, Some(RowSubject(subject))) => {
            if let Some(backend) = authority(subject) {
                push(backend, subject);
            }
            return;
        }
        (None, None) => return,
    };
    // Both sides may have the row under different subjects. The key is marked on `old` if `old` is the authority of its own
    // row, else on `new` if `new` is the authority of its own. If both subjects have the same authority, the key is marked
    // with both: an apply overwrites a row only if its subject on the target is named.
    let says = [old, new].map(&authority);
    let (backend, own, others) = match says {
        [Some(Backend::Old), _] => (Backend::Old, old, new),
        [_, Some(Backend::New)] => (Backend::New, new, old),
        _ => return,
    };
    if says[0] == says[1] && own != others {
        push(backend, others);
    }
    push(backend, own);
}

/// Marks keys dirty on their authorities; how many entries that makes.
///
/// # Errors
/// [`Error::Fenced`] if the epoch is over, else whatever keeps a backend from answering.
pub async fn mark_dirty(
    sides: &PerBackend<Database>,
    repository: &Repository,
    epoch: Epoch,
    marks: &Marks,
) -> Result<u64, Error> {
    let mut marked = 0;
    for (backend, keys) in marks.iter() {
        for keys in keys.chunks(MARKED_AT_ONCE) {
            sides[backend].mark(repository, keys, epoch).await?;
            marked += keys.len() as u64;
        }
    }
    Ok(marked)
}
