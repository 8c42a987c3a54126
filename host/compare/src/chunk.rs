use turnout_backends::{ComparedRow, Database, Error, KeyRange};
use turnout_vocabulary::{Backend, PerBackend, Repository};

use crate::mark::{Marks, mark};
use crate::walk::{Step, digest_of};

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
    Ok((rows, marks_of(PerBackend { old, new }, authority)))
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
    Ok(marks_of(both, authority))
}

/// All rows of a range of one side, to be marked dirty on their authorities.
///
/// # Errors
/// Whatever keeps the backend from answering.
pub async fn all_in(
    sides: &PerBackend<Database>,
    repository: &Repository,
    range: KeyRange<'_>,
    side: Backend,
    authority: impl Fn(Option<&str>) -> Option<Backend>,
) -> Result<(u64, Marks), Error> {
    let rows = sides[side].rows_between(repository, range, &["0".to_owned()]).await?;
    let number = rows.len() as u64;
    let mut all = PerBackend::default();
    all[side] = rows;
    Ok((number, marks_of(all, authority)))
}

fn marks_of(rows: PerBackend<Vec<ComparedRow>>, authority: impl Fn(Option<&str>) -> Option<Backend>) -> Marks {
    let mut marks = Marks::default();
    for suspect in &Step::of(rows).suspects {
        mark(suspect, &authority, &mut marks);
    }
    marks
}
