mod parts;
mod ranges;
mod sample;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use turnout_backends::{ComparedRow, Database, Error};
use turnout_vocabulary::{Backend, PerBackend, Repository};

use crate::pace::{Load, Pace};
use crate::{Columns, Digest, Progress};
use parts::Parts;
use ranges::Ranges;
pub(crate) use ranges::digest_of;
pub use sample::Sample;

/// Goes through a repository on both sides at once and finds the rows that differ, in little memory, by statements that each end within a
/// fraction of a second.
///
/// Where both sides order the keys alike, the walk goes by ranges of keys. Else the rows fall into parts by a hash of their keys, and the
/// walk goes through each side in its own order.
pub struct Walk<'a> {
    table: Table<'a>,
    pace: Pace,
    sample: Sample,
    way: Way,
}

/// What is compared.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    pub(crate) sides: &'a PerBackend<Database>,
    pub(crate) repository: &'a Repository,
    pub(crate) columns: &'a [String],
    pub(crate) progress: &'a Progress,
}

enum Way {
    Ranges(Ranges),
    Parts(Parts),
}

/// Where a walk stands. A walk that goes by ranges can be begun there again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The last key that was compared, as a JSON object.
    low: String,
}

/// What one step of a walk found.
#[derive(Debug, Default)]
pub struct Step {
    /// The rows that both sides have, each with the same bytes.
    pub equal: Digest,
    /// The keys whose rows differ.
    pub suspects: Vec<Suspect>,
    /// Where the walk stands after the step; `None` if it can't be begun there.
    pub place: Option<Place>,
}

/// A key whose rows were seen to differ. `Debug` shows neither key nor subject.
#[derive(Clone, Debug)]
pub struct Suspect {
    /// The row on each side that has one.
    pub rows: PerBackend<Option<ComparedRow>>,
}

impl<'a> Walk<'a> {
    /// A walk through a repository, over these columns; from a place on, if one is given and the walk goes by ranges.
    ///
    /// # Errors
    /// Whatever keeps a backend from answering.
    pub async fn begin(
        sides: &'a PerBackend<Database>,
        repository: &'a Repository,
        columns: &'a Columns,
        place: Option<Place>,
        load: Load,
        progress: &'a Progress,
    ) -> Result<Self, Error> {
        let table = Table {
            sides,
            repository,
            columns: &columns.common,
            progress,
        };
        let (old, new) = tokio::try_join!(sides.old.key_order(repository), sides.new.key_order(repository))?;
        let rows = tokio::try_join!(sides.old.row_estimate(repository), sides.new.row_estimate(repository))?;
        let rows = PerBackend {
            old: rows.0,
            new: rows.1,
        };
        for backend in Backend::ALL {
            progress.begin(backend, 0, rows[backend]);
        }
        let way = if old.sorted.is_some() && old == new {
            Way::Ranges(Ranges::from(old.columns, place))
        } else {
            let keys = PerBackend {
                old: old.columns,
                new: new.columns,
            };
            Way::Parts(Parts::new(keys, rows.old.max(rows.new)))
        };
        Ok(Self {
            table,
            pace: Pace::new(load),
            sample: Sample::ALL,
            way,
        })
    }

    /// The same walk, which compares a share of the rows only.
    #[must_use]
    pub fn sampled(self, sample: Sample) -> Self {
        Self { sample, ..self }
    }

    /// The next step; `None` after the last.
    ///
    /// # Errors
    /// Whatever keeps a backend from answering.
    pub async fn step(&mut self) -> Result<Option<Step>, Error> {
        match &mut self.way {
            Way::Ranges(ranges) => ranges.step(self.table, &mut self.pace, self.sample).await,
            Way::Parts(parts) => parts.step(self.table, &mut self.pace, self.sample).await,
        }
    }
}

impl Suspect {
    /// The key as a JSON object.
    #[must_use]
    pub fn key(&self) -> &str {
        let row = self.rows.old.as_ref().or(self.rows.new.as_ref());
        row.map_or("", |row| &row.key)
    }

    /// The text of the subject column on each side; `None` also where the side has no row.
    #[must_use]
    pub fn subjects(&self) -> PerBackend<Option<&str>> {
        self.rows
            .as_ref()
            .map(|row| row.as_ref().and_then(|row| row.subject.as_deref()))
    }
}

impl Step {
    /// Pairs the rows of both sides by their keys.
    pub(crate) fn of(rows: PerBackend<Vec<ComparedRow>>) -> Self {
        let mut step = Self::default();
        for suspect in Self::pairs(rows) {
            match (&suspect.rows.old, &suspect.rows.new) {
                (Some(old), Some(new)) if old.hash == new.hash => step.equal.add_row(&old.hash),
                _ => step.suspects.push(suspect),
            }
        }
        step
    }

    /// The rows of both sides by their keys, also equal ones.
    pub(crate) fn pairs(rows: PerBackend<Vec<ComparedRow>>) -> Vec<Suspect> {
        let mut of_new: HashMap<String, ComparedRow> = rows.new.into_iter().map(|row| (row.key.clone(), row)).collect();
        let mut pairs = Vec::with_capacity(rows.old.len());
        for old in rows.old {
            let new = of_new.remove(&old.key);
            pairs.push(Suspect {
                rows: PerBackend { old: Some(old), new },
            });
        }
        pairs.extend(of_new.into_values().map(|new| Suspect {
            rows: PerBackend {
                old: None,
                new: Some(new),
            },
        }));
        pairs
    }
}
