//! Dirty ranges: which one is worked off next, and how much of it at once.
//!
//! - `work` works off one chunk.
//! - `rows` picks the rows of a chunk that are copied.

mod rows;
mod work;

use std::time::Duration;

use tokio::time::Instant;
use turnout_backends::{CopyShape, Database, DirtyRange, Error, KeyRange};
use turnout_compare::{Columns, Load};
use turnout_vocabulary::{Backend, PerBackend, Repository, RepositoryId};

/// How many rows the first chunk of a range has, and how many one has at most. A chunk takes a dozen questions however short it is, so it has no
/// fewer rows than the first one, unless those are too much.
const FIRST: u64 = 2_000;
const LONGEST: u64 = 50_000;

/// How long a chunk should take: pending entries wait meanwhile.
const CHUNK: Duration = Duration::from_millis(150);

/// How often the applier looks for new ranges.
const LOOK: Duration = Duration::from_millis(100);

/// How long the applier leaves a range alone after it could not copy a chunk.
const RESTS: Duration = Duration::from_millis(500);

/// The dirty ranges of a side, as its applier knows them.
#[derive(Default)]
pub(crate) struct Ranges {
    open: Vec<Open>,
    looked_at: Option<Instant>,
}

/// A range that is not done with.
struct Open {
    range: DirtyRange,
    repository: RepositoryId,
    /// The other repositories that its foreign keys lead to, over any number of steps.
    ancestors: Vec<RepositoryId>,
    /// The columns that are copied; `None` if none can be.
    copied: Option<Vec<String>>,
    /// Whether both sides order the keys alike.
    is_alike: bool,
    /// Whether the last attempt at a chunk failed, so that the range rests.
    waits: bool,
    /// The columns that are compared.
    compared: Vec<String>,
    /// How many rows the next chunk has, and how many it has at least.
    length: u64,
    shortest: u64,
    /// When the next chunk may begin.
    due: Instant,
}

impl Ranges {
    /// When the next chunk is due; `None` if no range is open.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.next().map(|place| self.open[place].due)
    }

    /// The range that is worked off next: parents before those that refer to them, and of several the one that waits longest.
    fn next(&self) -> Option<usize> {
        // A range that rests after a failure does not hold up its children.
        let is_open = |repository: &RepositoryId| {
            self.open
                .iter()
                .any(|open| open.repository == *repository && !open.waits)
        };
        let is_free = |place: &usize| !self.open[*place].ancestors.iter().any(is_open);
        let earliest = |places: &mut dyn Iterator<Item = usize>| places.min_by_key(|place| self.open[*place].due);
        let all = 0..self.open.len();
        // In a circle of references none is free.
        earliest(&mut all.clone().filter(is_free)).or_else(|| earliest(&mut all.clone()))
    }

    /// The range that is due next, to be put back unless it is done with.
    fn take_next(&mut self) -> Option<Open> {
        let place = self.next()?;
        (self.open[place].due <= Instant::now()).then(|| self.open.swap_remove(place))
    }

    fn put_back(&mut self, open: Open) {
        self.open.push(open);
    }

    /// Looks for ranges of the source, unless that was done a moment ago.
    pub(crate) async fn look(
        &mut self,
        sides: &PerBackend<Database>,
        source: Backend,
        repositories: &[Repository],
    ) -> Result<(), Error> {
        let now = Instant::now();
        if self.looked_at.is_some_and(|then| now < then + LOOK) {
            return Ok(());
        }
        let source = &sides[source];
        let mut known = std::mem::take(&mut self.open);
        for range in source.ranges().await?.into_iter().filter(|range| !range.is_done) {
            let mut served = repositories.iter();
            let Some(repository) = served.find(|one| one.schema == range.schema && one.table == range.table) else {
                continue;
            };
            let is_same = |open: &Open| open.repository == repository.id && open.range.epoch == range.epoch;
            if let Some(place) = known.iter().position(is_same) {
                let open = known.swap_remove(place);
                self.open.push(Open { range, ..open });
                continue;
            }
            match Open::of(range, repository, sides, repositories, source.backend()).await {
                Ok(open) => self.open.push(open),
                // The table may be gone on one side.
                Err(error) if error.sqlstate().is_some() => {
                    tracing::debug!(repository = repository.name, %error, "a dirty range waits");
                }
                Err(error) => return Err(error),
            }
        }
        self.looked_at = Some(now);
        Ok(())
    }
}

/// The columns that are copied: all but generated ones, if both sides have the same.
fn copied_columns(here: &CopyShape, there: &CopyShape) -> Option<Vec<String>> {
    if here.columns != there.columns || there.obstacle.is_some() {
        return None;
    }
    let copied = here.columns.iter().filter(|column| !column.is_generated);
    Some(copied.map(|column| column.name.clone()).collect())
}

impl Open {
    async fn of(
        range: DirtyRange,
        repository: &Repository,
        sides: &PerBackend<Database>,
        repositories: &[Repository],
        source: Backend,
    ) -> Result<Self, Error> {
        let (source, target) = (&sides[source], &sides[source.other()]);
        let (here, there) = tokio::try_join!(source.key_order(repository), target.key_order(repository))?;
        let schema = target.schema().await?;
        Ok(Self {
            range,
            repository: repository.id,
            ancestors: crate::order::ancestors(&schema, repositories, repository),
            copied: None,
            is_alike: here.sorted.is_some() && here == there,
            waits: false,
            compared: Columns::of(sides, repository).await?.common,
            length: FIRST,
            shortest: FIRST,
            due: Instant::now(),
        })
    }

    /// With this many rows of a chunk on the other side, the chunk is compared; with fewer it is copied.
    fn few(&self) -> u64 {
        self.length / 4 + 1
    }

    fn keys<'a>(&'a self, low: Option<&'a str>, high: Option<&'a str>) -> KeyRange<'a> {
        KeyRange {
            columns: &self.compared,
            key: &self.range.key,
            low,
            high,
            parts: 1,
        }
    }

    /// Takes note of how long a chunk took: sets the length of the next chunk, and the rest before it that the load of the range asks for.
    fn took(&mut self, took: Duration) {
        let fitting = u128::from(self.length) * CHUNK.as_micros() / took.as_micros().max(1);
        self.length = u64::try_from(fitting)
            .unwrap_or(u64::MAX)
            .clamp(self.length / 4, self.length * 2)
            .clamp(self.shortest, LONGEST);
        let load = Load::percent(self.range.load).unwrap_or(Load::FULL);
        self.due = Instant::now() + load.rest_after(took);
    }

    /// A chunk was too much for one statement. False if no shorter one is possible.
    fn shorten(&mut self) -> bool {
        let can_be_shorter = self.length > 1;
        self.length = (self.length / 8).max(1);
        self.shortest = 1;
        can_be_shorter
    }

    fn rest(&mut self) {
        self.waits = true;
        self.due = Instant::now() + RESTS;
    }
}
