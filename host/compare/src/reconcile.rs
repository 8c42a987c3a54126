use std::time::{Duration, Instant};

use tokio::time::sleep;
use turnout_backends::{Database, Error};
use turnout_vocabulary::{ComparisonSource, Epoch, PerBackend, Repository};

use crate::difference::{Difference, Equality};
use crate::repair::would_repair;
use crate::{Columns, Observer, Options, Progress, Repairs, Suspects, Tables, Tally, Verdict, repair, verify};

/// The pause between two looks at the keys that are being repaired.
const PAUSE: Duration = Duration::from_millis(100);

/// What a repair of a repository came to, in keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Those whose rows were equal.
    pub equal: u64,
    /// Those that changed or were pending at every look.
    pub unsettled: u64,
    /// Those that differed.
    pub different: u64,
    /// Those that differed and are not mirrored.
    pub not_mirrored: u64,
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
    let mut repairing = Repairing {
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
    verify(tables, options, equality, progress, &mut tally, &mut repairing).await?;
    // A row that one side alone has is among the rows of that side only.
    let rows = tally.digests.old.rows.max(tally.digests.new.rows);
    let mut reconciled = Reconciled {
        equal: rows.saturating_sub(tally.diverged + tally.unsettled + tally.not_mirrored),
        unsettled: tally.unsettled,
        different: tally.diverged,
        not_mirrored: tally.not_mirrored,
        marked: repairing.keys.len() as u64,
        ..Reconciled::default()
    };
    if rehearse {
        return Ok(reconciled);
    }
    let began = Instant::now();
    let mut suspects = Suspects::new(sides, repository, &columns.common, patience);
    repairing.keys.iter().for_each(|key| suspects.add(key));
    while !suspects.is_empty() {
        let looked = Instant::now();
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
            // Looks at many keys must not keep the mirror from its work.
            sleep(PAUSE.max(looked.elapsed())).await;
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

/// Repairs differences as they are found, or says in a rehearsal which it would.
struct Repairing<'a> {
    sides: &'a PerBackend<Database>,
    repository: &'a Repository,
    epoch: Epoch,
    repairs: &'a dyn Repairs,
    rehearse: bool,
    /// The keys that are marked.
    keys: Vec<String>,
}

impl Observer for Repairing<'_> {
    async fn found(&mut self, differences: &[Difference]) -> Result<(), Error> {
        self.keys.extend(if self.rehearse {
            would_repair(self.repository, differences, self.repairs)
        } else {
            let found = (ComparisonSource::Walk, differences);
            repair(self.sides, self.repository, self.epoch, found, self.repairs).await?
        });
        Ok(())
    }

    async fn went_on(&mut self, _: &Tally) -> Result<(), Error> {
        Ok(())
    }
}
