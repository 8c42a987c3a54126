use std::collections::HashSet;

use turnout_backends::{ComparedRow, Database, Error, KeyRange};
use turnout_vocabulary::{Backend, PerBackend, Repository};

use crate::mark::{Marks, mark};
use crate::walk::{Step, Suspect, digest_of};

/// How many rows each side has in a range, and the keys whose rows differ, to be marked dirty on their authorities. Where the digests of both
/// sides are equal no row is read. `authority` gives the side to mark a row on for the text of its subject column.
///
/// # Errors
/// Whatever keeps a backend from answering.
pub async fn differing_in(
    sides: &PerBackend<Database>,
    repository: &Repository,
    range: KeyRange<'_>,
    authority: impl Fn(Option<&str>) -> Option<Backend>,
) -> Result<(PerBackend<u64>, Marks), Error> {
    let (old, new) = tokio::try_join!(
        sides.old.digest(repository, range, None),
        sides.new.digest(repository, range, None)
    )?;
    let digests = PerBackend {
        old: digest_of(&old),
        new: digest_of(&new),
    };
    let rows = digests.map(|digest| digest.rows);
    if digests.old == digests.new {
        return Ok((rows, Marks::default()));
    }
    let all = ["0".to_owned()];
    let (old, new) = tokio::try_join!(
        sides.old.rows_between(repository, range, &all),
        sides.new.rows_between(repository, range, &all)
    )?;
    let suspects = Step::of(PerBackend { old, new }).suspects;
    let marks = marks_of(sides, repository, range.columns, &suspects, authority).await?;
    Ok((rows, marks))
}

/// The same for a few rows that one side has, whatever else the other side has in their range.
///
/// # Errors
/// Whatever keeps a backend from answering.
pub async fn differing_from(
    sides: &PerBackend<Database>,
    repository: &Repository,
    columns: &[String],
    side: Backend,
    rows: Vec<ComparedRow>,
    authority: impl Fn(Option<&str>) -> Option<Backend>,
) -> Result<Marks, Error> {
    let keys: Vec<&str> = rows.iter().map(|row| row.key.as_str()).collect();
    let looked = sides[side.other()].look(repository, columns, &keys).await?;
    let others = looked.into_iter().filter_map(|looked| {
        Some(ComparedRow {
            key: looked.key,
            subject: looked.subject,
            hash: looked.hash?,
        })
    });
    let mut both = PerBackend::default();
    both[side.other()] = others.collect();
    both[side] = rows;
    marks_of(sides, repository, columns, &Step::of(both).suspects, authority).await
}

/// How many rows a side has in a range, and the keys that it has there, or that either side has if both order keys alike, whether their rows
/// differ or not, to be marked dirty on their authorities. The columns of the range are those of the key: nothing else is read.
///
/// # Errors
/// Whatever keeps a backend from answering.
pub async fn all_in(
    sides: &PerBackend<Database>,
    repository: &Repository,
    range: KeyRange<'_>,
    side: Backend,
    are_alike: bool,
    authority: impl Fn(Option<&str>) -> Option<Backend>,
) -> Result<(u64, Marks), Error> {
    let all = ["0".to_owned()];
    let mut rows = PerBackend::default();
    rows[side] = sides[side].rows_between(repository, range, &all).await?;
    let number = rows[side].len() as u64;
    if are_alike {
        rows[side.other()] = sides[side.other()].rows_between(repository, range, &all).await?;
    }
    let marks = marks_of(sides, repository, range.columns, &Step::pairs(rows), authority).await?;
    Ok((number, marks))
}

/// Those of the keys that one side alone has, and whose authority is the other side, of which no entry is left on the first side: such an
/// entry may say that the row was handed over and has yet to arrive, so the other side must not take its absence for a deletion. To be
/// asked after the rows were read, by who alone acknowledges entries of that side.
///
/// # Errors
/// Whatever keeps the backend from answering.
pub async fn not_on_their_way(
    side: &Database,
    repository: &Repository,
    columns: &[String],
    mut keys: Vec<(String, Option<String>)>,
) -> Result<Vec<(String, Option<String>)>, Error> {
    if !keys.is_empty() {
        let asked: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
        let looked = side.look(repository, columns, &asked).await?;
        let waits = looked
            .into_iter()
            .filter(|looked| looked.is_dirty || looked.held.is_some());
        let waits: HashSet<String> = waits.map(|looked| looked.key).collect();
        keys.retain(|(key, _)| !waits.contains(key));
    }
    Ok(keys)
}

/// Where to mark suspects.
pub(crate) async fn marks_of(
    sides: &PerBackend<Database>,
    repository: &Repository,
    columns: &[String],
    suspects: &[Suspect],
    authority: impl Fn(Option<&str>) -> Option<Backend>,
) -> Result<Marks, Error> {
    let mut marks = Marks::default();
    let mut away = Marks::default();
    for suspect in suspects {
        let alone = match (&suspect.rows.old, &suspect.rows.new) {
            (Some(row), None) => Some((Backend::Old, row)),
            (None, Some(row)) => Some((Backend::New, row)),
            _ => None,
        };
        match alone {
            Some((side, row)) if authority(row.subject.as_deref()) == Some(side.other()) => {
                away[side].push((row.key.clone(), row.subject.clone()));
            }
            _ => mark(suspect, &authority, &mut marks),
        }
    }
    for side in Backend::ALL {
        let keys = std::mem::take(&mut away[side]);
        let keys = not_on_their_way(&sides[side], repository, columns, keys).await?;
        marks[side.other()].extend(keys);
    }
    Ok(marks)
}
