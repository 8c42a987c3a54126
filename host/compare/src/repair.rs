use std::collections::{HashMap, HashSet};
use std::time::Duration;

use turnout_backends::{Database, Error, FoundDivergence};
use turnout_vocabulary::{Backend, ComparisonSource, Epoch, PerBackend, Repository};

use crate::Difference;
use crate::mark::{Marks, mark_dirty, mark_key};

/// Says what is done about differences.
pub trait Repairs: Sync {
    /// The authority of a subject's rows, by the text of the subject column, if the rows are mirrored.
    fn authority(&self, repository: &Repository, subject: Option<&str>) -> Option<Backend>;

    /// Whether a difference is repaired now. One that is not stays listed.
    fn repairs(&self, repository: &Repository, difference: &Difference, known: Known) -> bool;
}

/// What is known of a difference beside its rows.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// How often it was to be repaired before.
    pub attempts: u32,
    /// How long ago it was first found.
    pub age: Duration,
    /// What led to it.
    pub source: ComparisonSource,
}

/// Notes differences as divergences that were found so, and marks those that are to be repaired dirty on their authority, from where the
/// mirror repairs them. Returns the keys that were marked.
///
/// # Errors
/// Whatever keeps a backend from answering; [`Error::Fenced`] if the epoch is over.
pub async fn repair(
    sides: &PerBackend<Database>,
    repository: &Repository,
    epoch: Epoch,
    (source, differences): (ComparisonSource, &[Difference]),
    repairs: &dyn Repairs,
) -> Result<Vec<String>, Error> {
    let found: Vec<FoundDivergence> = differences.iter().map(Difference::as_found).collect();
    let noted = sides
        .old
        .note_divergences(repository, epoch, source.as_str(), &found)
        .await?;
    let keys: Vec<&str> = differences.iter().map(|difference| difference.key.as_str()).collect();
    let mut direct = HashSet::new();
    for (_, side) in sides.iter() {
        direct.extend(side.direct_divergences(repository, &keys).await?);
    }
    let known: HashMap<String, Known> = noted
        .into_iter()
        .map(|noted| {
            let known = Known {
                attempts: noted.repairs,
                age: noted.age,
                source: if direct.contains(&noted.key) {
                    ComparisonSource::Direct
                } else {
                    source
                },
            };
            (noted.key, known)
        })
        .collect();
    let (keys, marks) = choose(repository, differences, repairs, |key| known.get(key).copied());
    let repaired: Vec<&str> = keys.iter().map(String::as_str).collect();
    sides.old.note_repairs(repository, &repaired).await?;
    mark_dirty(sides, repository, epoch, &marks).await?;
    Ok(keys)
}

/// The keys that [`repair`] would mark if a walk had found these differences for the first time.
pub(crate) fn would_repair(repository: &Repository, differences: &[Difference], repairs: &dyn Repairs) -> Vec<String> {
    choose(repository, differences, repairs, |_| None).0
}

/// The keys that are to be repaired, and where each is marked.
fn choose(
    repository: &Repository,
    differences: &[Difference],
    repairs: &dyn Repairs,
    known: impl Fn(&str) -> Option<Known>,
) -> (Vec<String>, Marks) {
    let first_seen = Known {
        attempts: 0,
        age: Duration::ZERO,
        source: ComparisonSource::Walk,
    };
    let (mut keys, mut marks) = (Vec::new(), Marks::default());
    for difference in differences {
        let marked = marks.old.len() + marks.new.len();
        let known = known(&difference.key).unwrap_or(first_seen);
        if repairs.repairs(repository, difference, known) {
            let authority = |subject: Option<&str>| repairs.authority(repository, subject);
            mark_key(&difference.key, difference.row_subjects(), authority, &mut marks);
        }
        if marks.old.len() + marks.new.len() > marked {
            keys.push(difference.key.clone());
        }
    }
    (keys, marks)
}
