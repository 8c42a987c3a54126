use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use turnout_policies::InForce;
use turnout_vocabulary::{
    Backend, CleanupColumn, CleanupCount, CleanupEvidence, CleanupRequest, CleanupRow, CleanupVerdict, Filter,
    PerBackend, RepositoryId,
};

use crate::closure::{Closure, Going};
use crate::sides::Sides;
use crate::{Cleanups, Error, Obstacle};

/// How many rows are shown.
const SHOWN: usize = 5;

/// What somebody wants removed.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The repository.
    pub repository: RepositoryId,
    /// Which of its rows.
    pub filter: Filter,
    /// Which key the request carried, for the evidence.
    pub by: String,
    /// Whether the rows are removed if nothing speaks against it; otherwise it is a dry run.
    pub execute: bool,
    /// How many rows are to go, those included that refer to others.
    pub expected: Option<u64>,
}

/// What a cleanup would remove, and what speaks against it.
pub struct Review {
    /// How many rows would go, by repository and authority.
    pub counts: Vec<CleanupCount>,
    /// Some of the rows that the filter matches, with their values.
    pub samples: Vec<GoingRow>,
    /// All rows that refer to others that would go.
    pub referring: Vec<GoingRow>,
    /// What speaks against it; empty if nothing does.
    pub obstacles: Vec<Obstacle>,
    pub(crate) in_force: Arc<InForce>,
    pub(crate) rows: Vec<Going>,
    pub(crate) references: HashSet<(RepositoryId, RepositoryId)>,
    pub(crate) crosses: PerBackend<bool>,
}

/// A row that would go.
#[derive(Clone)]
pub struct GoingRow {
    /// Its repository.
    pub repository: RepositoryId,
    /// Its authority.
    pub authority: Backend,
    /// Its key as a JSON object.
    pub key: String,
    /// The text of each column by its name.
    pub texts: Map<String, Value>,
}

impl Review {
    /// How many rows would go in all.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows.len() as u64
    }
}

impl From<&Going> for GoingRow {
    fn from(going: &Going) -> Self {
        Self {
            repository: going.repository,
            authority: going.authority,
            key: going.row.key.clone(),
            texts: going.row.texts.clone(),
        }
    }
}

impl Cleanups {
    /// Finds what a cleanup would remove, and has the policy say of each row and of the whole whether it may go.
    pub(crate) async fn review_of(&self, asked: &Asked) -> Result<Review, Error> {
        let in_force = self.steady()?;
        let mut sides = Sides::new(self, Arc::clone(&in_force));
        let closure = Closure::of(&mut sides, asked.repository, &asked.filter).await?;
        let mut review = Review {
            counts: Vec::new(),
            samples: closure
                .rows
                .iter()
                .filter(|going| going.depth == 0)
                .take(SHOWN)
                .map(Into::into)
                .collect(),
            referring: closure
                .rows
                .iter()
                .filter(|going| going.depth > 0)
                .map(Into::into)
                .collect(),
            obstacles: closure.obstacles,
            in_force,
            rows: closure.rows,
            references: closure.references,
            crosses: closure.crosses,
        };
        self.look_for_hazards(&mut review).await?;
        let samples = self.ask_about_rows(&mut review).await?;
        ask_about_whole(asked, samples, &mut review);
        let rows = review.rows();
        if asked.execute && asked.expected != Some(rows) {
            review.obstacles.push(Obstacle::Otherwise {
                expected: asked.expected,
                rows,
            });
        }
        if asked.execute {
            review.obstacles.extend(self.forbidden(&review.rows));
        }
        Ok(review)
    }

    /// Looks for what PostgreSQL would do beside on the sides that rows would go from.
    async fn look_for_hazards(&self, review: &mut Review) -> Result<(), Error> {
        let mut looked = HashSet::new();
        for going in &review.rows {
            for backend in Backend::ALL {
                let is_mirror = backend != going.authority;
                if is_mirror && !going.is_mirrored || !looked.insert((going.repository, backend, is_mirror)) {
                    continue;
                }
                let hazards = self.sides[backend]
                    .hazards(self.of(going.repository), is_mirror)
                    .await?;
                let hazards = hazards.into_iter().map(|what| Obstacle::Hazard { backend, what });
                review.obstacles.extend(hazards);
            }
        }
        Ok(())
    }

    /// Counts the rows, and has the policy look for marks on each. Returns the rows that it is shown with the counts.
    async fn ask_about_rows(&self, review: &mut Review) -> Result<Vec<CleanupRow>, Error> {
        let mut counts: BTreeMap<(RepositoryId, Backend), CleanupCount> = BTreeMap::new();
        let mut unmarked: BTreeMap<RepositoryId, Vec<String>> = BTreeMap::new();
        let mut samples = Vec::new();
        for going in &review.rows {
            let at = (going.repository, going.authority);
            let row = self.as_shown(going).await?;
            let marks = review.in_force.marks(&row);
            let count = match counts.entry(at) {
                Entry::Occupied(count) => count.into_mut(),
                Entry::Vacant(place) => place.insert(self.count_of(at).await?),
            };
            count.note(going, marks.as_ref().is_ok_and(|is_marked| *is_marked));
            match marks {
                Ok(true) => {}
                Ok(false) => unmarked
                    .entry(going.repository)
                    .or_default()
                    .push(going.row.key.clone()),
                Err(reason) => review.obstacles.push(Obstacle::Unasked {
                    repository: self.of(going.repository).name.clone(),
                    key: going.row.key.clone(),
                    reason,
                }),
            }
            if going.depth == 0 && samples.len() < SHOWN {
                samples.push(row);
            }
        }
        for (repository, keys) in unmarked {
            let repository = self.of(repository).name.clone();
            review.obstacles.push(Obstacle::Unmarked { repository, keys });
        }
        review.counts = counts.into_values().collect();
        Ok(samples)
    }

    /// The backends that rows would go from and that the configuration does not allow.
    fn forbidden(&self, rows: &[Going]) -> Vec<Obstacle> {
        let goes_from = |backend| rows.iter().any(|going| going.authority == backend || going.is_mirrored);
        let forbidden = Backend::ALL
            .into_iter()
            .filter(|backend| !self.allowed[*backend] && goes_from(*backend));
        forbidden.map(Obstacle::NotAllowed).collect()
    }

    async fn count_of(&self, (repository, backend): (RepositoryId, Backend)) -> Result<CleanupCount, Error> {
        Ok(CleanupCount {
            repository,
            backend,
            requested: 0,
            referring: 0,
            marked: 0,
            table_rows: self.sides[backend].rows_of(self.of(repository)).await?,
            youngest: None,
            oldest: None,
        })
    }

    /// A row as the policy is shown it.
    async fn as_shown(&self, going: &Going) -> Result<CleanupRow, Error> {
        let schema = self.sides[going.authority].schema().await?;
        let table = schema.table(self.of(going.repository));
        let columns = going.row.texts.iter().map(|(name, text)| CleanupColumn {
            name: name.clone(),
            kind: table
                .and_then(|table| table.columns.iter().find(|column| column.name == *name))
                .map_or_else(String::new, |column| column.type_name.clone()),
            text: text.as_str().map(str::to_owned),
        });
        Ok(CleanupRow {
            repository: going.repository,
            subject: self.rule.subject_in(going.row.subject.as_deref()),
            columns: columns.collect(),
        })
    }
}

/// Has the policy say whether the whole may go.
fn ask_about_whole(asked: &Asked, samples: Vec<CleanupRow>, review: &mut Review) {
    let request = CleanupRequest {
        repository: asked.repository,
        execute: asked.execute,
        expected: asked.expected,
    };
    let evidence = CleanupEvidence {
        counts: review.counts.clone(),
        samples,
    };
    match review.in_force.review(&request, &evidence) {
        Ok(CleanupVerdict::Agreed) => {}
        Ok(verdict) => review.obstacles.push(Obstacle::Policy(verdict)),
        Err(reason) => review.obstacles.push(Obstacle::NoVerdict(reason)),
    }
}

/// Adds a row to a count.
trait Note {
    fn note(&mut self, going: &Going, is_marked: bool);
}

impl Note for CleanupCount {
    fn note(&mut self, going: &Going, is_marked: bool) {
        if going.depth == 0 {
            self.requested += 1;
        } else {
            self.referring += 1;
        }
        self.marked += u64::from(is_marked);
        let age = going.row.age;
        let pick = |known: Option<Duration>, choose: fn(Duration, Duration) -> Duration| match (known, age) {
            (Some(known), Some(age)) => Some(choose(known, age)),
            (known, age) => known.or(age),
        };
        self.youngest = pick(self.youngest, Duration::min);
        self.oldest = pick(self.oldest, Duration::max);
    }
}
