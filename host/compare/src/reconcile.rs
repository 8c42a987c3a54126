use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use tokio::time::sleep;
use turnout_backends::{Database, Error, FoundDivergence};
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository};

use crate::difference::{Difference, Equality};
use crate::mark::{Marks, mark_key, put};
use crate::{Columns, Observer, Options, Progress, Suspects, Tables, Tally, Verdict, verify};

/// The pause between two looks at the keys that are being repaired.
const PAUSE: Duration = Duration::from_millis(100);

/// Says what is done about differences.
pub trait Repairs: Sync {
    /// The authority of a subject's rows, by the text of the subject column, if the rows are mirrored.
    fn authority(&self, repository: &Repository, subject: Option<&str>) -> Option<Backend>;

    /// Whether a difference is repaired now. One that is not stays listed.
    fn repairs(&self, repository: &Repository, difference: &Difference, known: Known) -> bool;
}

/// What is known of a difference beside its rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// How often it was to be repaired before.
    pub attempts: u32,
    /// How long ago it was first found.
    pub age: Duration,
    /// Whether the row was changed behind Turnout's back on the side that is not its authority.
    pub is_direct: bool,
}

/// What a repair of a repository came to, in keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Those whose rows were equal.
    pub equal: u64,
    /// Those that changed or were pending at every look.
    pub unsettled: u64,
    /// Those that differed.
    pub different: u64,
    /// Those that were marked dirty on their authority, so that the mirror makes both sides equal; in a rehearsal those that would have been.
    pub marked: u64,
    /// Of these, those that are equal now.
    pub repaired: u64,
    /// Those that can't be mirrored, each with the reason.
    pub parked: Vec<(String, String)>,
    /// Those that were still on their way when patience ended.
    pub waiting: u64,
}

/// Makes both sides of a repository equal: marks the keys that differ on their authority, from where the mirror repairs them, and follows
/// them until they are equal or parked, for at most `patience`. A rehearsal marks nothing.
///
/// # Errors
/// Whatever keeps a backend from answering; [`Error::Fenced`] if the epoch is over.
pub async fn reconcile(
    sides: &PerBackend<Database>,
    repository: &Repository,
    (epoch, options): (Epoch, Options),
    (equality, repairs): (&dyn Equality, &dyn Repairs),
    progress: &Progress,
    rehearse: bool,
    patience: Duration,
) -> Result<Reconciled, Error> {
    let columns = Columns::configured(sides, repository).await?;
    let mut marking = Marking {
        sides,
        repository,
        epoch,
        repairs,
        rehearse,
        keys: Vec::new(),
    };
    let mut tally = Tally::default();
    let tables = Tables {
        sides,
        repository,
        columns: &columns,
    };
    verify(tables, options, equality, progress, &mut tally, &mut marking).await?;
    // A row that one side alone has is among the rows of that side only.
    let rows = tally.digests.old.rows.max(tally.digests.new.rows);
    let mut reconciled = Reconciled {
        equal: rows.saturating_sub(tally.diverged + tally.unsettled),
        unsettled: tally.unsettled,
        different: tally.diverged,
        marked: marking.keys.len() as u64,
        ..Reconciled::default()
    };
    if rehearse {
        return Ok(reconciled);
    }
    let began = Instant::now();
    let mut suspects = Suspects::new(sides, repository, &columns.common, patience);
    marking.keys.iter().for_each(|key| suspects.add(key));
    while !suspects.is_empty() {
        let mut equal = Vec::new();
        for finding in suspects.look().await? {
            match finding.verdict {
                Verdict::Equal(_) => equal.push(finding.key),
                Verdict::Diverged { held: Some(held), .. } if held.is_parked => {
                    reconciled.parked.push((finding.key, held.reason));
                }
                Verdict::Diverged { held: Some(_), .. } if began.elapsed() < patience => suspects.add(&finding.key),
                Verdict::Diverged { .. } | Verdict::Unsettled(_) => reconciled.waiting += 1,
            }
        }
        reconciled.repaired += equal.len() as u64;
        end(sides, repository, &equal).await?;
        if !suspects.is_empty() {
            sleep(PAUSE).await;
        }
    }
    Ok(reconciled)
}

/// Ends the divergences of keys whose rows are equal again.
async fn end(sides: &PerBackend<Database>, repository: &Repository, keys: &[String]) -> Result<(), Error> {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    if !keys.is_empty() {
        for (_, database) in sides.iter() {
            database.end_divergences(repository, "repaired", &keys).await?;
        }
    }
    Ok(())
}

/// Marks differences as they are found.
struct Marking<'a> {
    sides: &'a PerBackend<Database>,
    repository: &'a Repository,
    epoch: Epoch,
    repairs: &'a dyn Repairs,
    rehearse: bool,
    keys: Vec<String>,
}

impl Observer for Marking<'_> {
    async fn found(&mut self, differences: &[Difference]) -> Result<(), Error> {
        let Self {
            repository, repairs, ..
        } = *self;
        let mut known = HashMap::new();
        if !self.rehearse {
            let found: Vec<FoundDivergence> = differences.iter().map(Difference::as_found).collect();
            let noted = self
                .sides
                .old
                .note_divergences(repository, self.epoch, "walk", &found)
                .await?;
            let keys: Vec<&str> = differences.iter().map(|difference| difference.key.as_str()).collect();
            let mut direct = HashSet::new();
            for (_, side) in self.sides.iter() {
                direct.extend(side.direct_divergences(repository, &keys).await?);
            }
            known.extend(noted.into_iter().map(|noted| {
                let known = Known {
                    attempts: noted.repairs,
                    age: noted.age,
                    is_direct: direct.contains(&noted.key),
                };
                (noted.key, known)
            }));
        }
        let mut marks = Marks::default();
        let before = self.keys.len();
        for difference in differences {
            let marked = marks.old.len() + marks.new.len();
            let known = known.get(&difference.key).copied().unwrap_or_default();
            if repairs.repairs(repository, difference, known) {
                let authority = |subject: Option<&str>| repairs.authority(repository, subject);
                mark_key(&difference.key, difference.row_subjects(), authority, &mut marks);
            }
            if marks.old.len() + marks.new.len() > marked {
                self.keys.push(difference.key.clone());
            }
        }
        if self.rehearse {
            return Ok(());
        }
        let repaired: Vec<&str> = self.keys[before..].iter().map(String::as_str).collect();
        self.sides.old.note_repairs(repository, &repaired).await?;
        put(self.sides, repository, self.epoch, &marks).await?;
        Ok(())
    }

    async fn went_on(&mut self, _: &Tally) -> Result<(), Error> {
        Ok(())
    }
}
