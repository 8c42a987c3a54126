use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use turnout_backends::{Database, Error, RowHash};
use turnout_vocabulary::{Backend, PerBackend, Repository};

use crate::difference::{Difference, Equality, differences};
use crate::walk::Sample;
use crate::{Columns, Digest, Finding, Load, Place, Progress, Suspect, Suspects, Verdict, Walk};

/// How many suspects a walk leaves behind at most before it waits for them.
const SUSPECTS: usize = 20_000;

/// The pause between two looks at the suspects that are left at the end of the walk.
const PAUSE: Duration = Duration::from_millis(50);

/// How to compare a repository.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The share of the rows that is compared.
    pub sample: Sample,
    /// The share of the time in which the databases are kept busy.
    pub load: Load,
    /// How long a suspect is looked at before it counts as unsettled.
    pub patience: Duration,
}

/// The tables of a repository on both sides.
#[derive(Clone, Copy)]
pub struct Tables<'a> {
    /// The two databases.
    pub sides: &'a PerBackend<Database>,
    /// The repository.
    pub repository: &'a Repository,
    /// The columns that are compared.
    pub columns: &'a Columns,
}

/// What was found so far. With it a verification can be resumed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    place: Option<Place>,
    /// Suspects that nothing is certain of yet.
    pending: Vec<String>,
    /// The rows of each side as they were seen.
    pub digests: PerBackend<Digest>,
    /// How many keys differ.
    pub diverged: u64,
    /// How many keys have rows that count as equal although their texts differ.
    pub tolerated: u64,
    /// How many keys changed or were pending at every look.
    pub unsettled: u64,
    /// How many keys have rows that differ and are not mirrored.
    pub not_mirrored: u64,
}

/// Hears of a verification while it goes on.
pub trait Observer {
    /// These differences are certain.
    fn found(&mut self, differences: &[Difference]) -> impl Future<Output = Result<(), Error>> + Send;

    /// So much is done.
    fn went_on(&mut self, tally: &Tally) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Compares both sides of a repository whole while writes go on, from where `tally` stands. A key counts as different only if the difference
/// is certain.
///
/// # Errors
/// Whatever keeps a backend from answering. `tally` is what was found before.
pub async fn verify(
    tables: Tables<'_>,
    options: Options,
    equality: &dyn Equality,
    progress: &Progress,
    tally: &mut Tally,
    observer: &mut impl Observer,
) -> Result<(), Error> {
    let Tables {
        sides,
        repository,
        columns,
    } = tables;
    if tally.place.is_none() {
        // A walk that can't be begun where it was begins anew.
        *tally = Tally::default();
    }
    let place = tally.place.clone();
    let mut walk = Walk::begin(sides, repository, columns, place, options.load, progress)
        .await?
        .sampled(options.sample);
    for (backend, digest) in tally.digests.iter() {
        progress.add(backend, digest.rows);
    }
    let mut suspects = Suspects::new(sides, repository, &columns.common, options.patience);
    tally.pending.drain(..).for_each(|key| suspects.add(&key));
    let mut is_over = false;
    while !is_over || !suspects.is_empty() {
        match walk.step().await? {
            Some(step) => {
                for backend in Backend::ALL {
                    tally.digests[backend].add(&step.equal);
                }
                for suspect in &step.suspects {
                    if is_mirrored(suspect, repository, equality) {
                        suspects.add(suspect.key());
                    } else {
                        tally.not_mirrored += 1;
                        tally.add_rows(suspect.rows.as_ref().map(|row| row.as_ref().map(|row| &row.hash)));
                    }
                }
                tally.place = step.place;
            }
            None if is_over => sleep(PAUSE).await,
            None => is_over = true,
        }
        loop {
            let findings = suspects.look().await?;
            let found = differences(sides, repository, &columns.common, &findings, equality).await?;
            tally.count(&findings, found.len() as u64);
            if !found.is_empty() {
                observer.found(&found).await?;
            }
            if suspects.len() <= SUSPECTS {
                break;
            }
        }
        tally.pending = suspects.keys();
        observer.went_on(tally).await?;
    }
    Ok(())
}

/// Whether the row of either side is one that both should have.
fn is_mirrored(suspect: &Suspect, repository: &Repository, equality: &dyn Equality) -> bool {
    let mut rows = suspect.rows.iter().filter_map(|(_, row)| row.as_ref());
    rows.any(|row| equality.is_mirrored(repository, row.subject.as_deref()))
}

impl Tally {
    fn add_rows(&mut self, rows: PerBackend<Option<&RowHash>>) {
        for backend in Backend::ALL {
            if let Some(row) = rows[backend] {
                self.digests[backend].add_row(row);
            }
        }
    }

    fn count(&mut self, findings: &[Finding], differing: u64) {
        let mut diverged = 0;
        for finding in findings {
            let rows = match &finding.verdict {
                Verdict::Equal(row) => PerBackend { old: *row, new: *row },
                Verdict::Diverged { rows, .. } => {
                    diverged += 1;
                    *rows
                }
                Verdict::Unsettled(rows) => {
                    self.unsettled += 1;
                    *rows
                }
            };
            self.add_rows(rows.as_ref().map(Option::as_ref));
        }
        self.diverged += differing;
        self.tolerated += diverged - differing;
    }
}
