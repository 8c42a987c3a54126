use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt as _};
use turnout_backends::{ComparedRow, Database, Error, Extent, PartDigest};
use turnout_vocabulary::Repository;

use super::progress::{Comparing, Looked};

/// How many blocks the first step reads. Later steps read as many as take about [`STEP`], well within any statement timeout.
const FIRST_STEP: u64 = 128;
const STEP: Duration = Duration::from_millis(300);

/// How often the log says how far a scan is.
const REPORT: Duration = Duration::from_secs(5);

/// A full scan of a table on one side, some blocks at a time. The scan may meet a row that is changed meanwhile twice or not at all; such a
/// row is dirty. It meets every other row once: if the table is rewritten meanwhile, the scan begins anew.
pub(super) struct Walk<'a> {
    database: &'a Database,
    repository: &'a Repository,
    columns: &'a [String],
    parts: u32,
    comparing: &'a Comparing,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        database: &'a Database,
        repository: &'a Repository,
        columns: &'a [String],
        parts: u32,
        comparing: &'a Comparing,
    ) -> Self {
        Self {
            database,
            repository,
            columns,
            parts,
            comparing,
        }
    }

    /// The digests of the parts that have rows, by part.
    pub(super) async fn digest(&self) -> Result<HashMap<i32, PartDigest>, Error> {
        let step = |blocks| {
            let digest = self.database.digest(self.repository, self.columns, self.parts, blocks);
            digest.boxed()
        };
        self.through(step, |all: &mut HashMap<i32, PartDigest>, some| {
            for digest in some {
                let sum = all.entry(digest.part).or_insert(PartDigest {
                    rows: 0,
                    hash: 0,
                    ..digest
                });
                sum.rows += digest.rows;
                sum.hash += digest.hash;
            }
        })
        .await
    }

    /// The rows in some of the parts.
    pub(super) async fn rows_in(&self, chosen: &[String]) -> Result<Vec<ComparedRow>, Error> {
        let step = |blocks| {
            let rows = self
                .database
                .rows_in(self.repository, self.columns, self.parts, chosen, blocks);
            rows.boxed()
        };
        self.through(step, |all: &mut Vec<ComparedRow>, some| all.extend(some))
            .await
    }

    /// Scans all blocks in steps and puts together what the steps give.
    async fn through<'s, T, A: Default>(
        &self,
        step: impl Fn(Range<u64>) -> BoxFuture<'s, Result<Vec<T>, Error>>,
        put: impl Fn(&mut A, Vec<T>),
    ) -> Result<A, Error> {
        'anew: loop {
            let mut extent = self.database.extent(self.repository).await?;
            let (mut found, mut place, mut length) = (A::default(), 0, FIRST_STEP);
            let mut reported = Instant::now();
            self.show(place, &extent);
            while place < extent.blocks {
                let began = Instant::now();
                // The last step also reads what was added to the last known block and behind it.
                let past = place + length;
                match step(place..past).await {
                    Ok(some) => put(&mut found, some),
                    // The step was too much for one statement: the database cancelled it.
                    Err(error) if error.is_canceled() && length > 1 => {
                        length = (length / 4).max(1);
                        continue;
                    }
                    Err(error) => return Err(error),
                }
                place = past;
                length = adapted(length, began.elapsed());
                let now = self.database.extent(self.repository).await?;
                if now.files != extent.files {
                    continue 'anew;
                }
                extent = now;
                let looked = self.show(place, &extent);
                if reported.elapsed() >= REPORT {
                    reported = Instant::now();
                    tracing::info!(
                        repository = self.repository.name,
                        backend = %self.database.backend(),
                        rows = looked.rows,
                        of_about = looked.of_about,
                        "both sides are compared"
                    );
                }
            }
            return Ok(found);
        }
    }

    /// Lets others see how far the scan is.
    fn show(&self, place: u64, extent: &Extent) -> Looked {
        let blocks = extent.blocks.max(1);
        let looked = Looked {
            rows: extent.rows.saturating_mul(place.min(blocks)) / blocks,
            of_about: extent.rows,
        };
        self.comparing.set(self.database.backend(), looked);
        looked
    }
}

/// How many blocks the next step reads: as many as take about [`STEP`], at least a quarter and at most twice as many as before.
fn adapted(length: u64, took: Duration) -> u64 {
    let fitting = u128::from(length) * STEP.as_micros() / took.as_micros().max(1);
    u64::try_from(fitting)
        .unwrap_or(u64::MAX)
        .clamp(length / 4, length * 2)
        .max(1)
}
