use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use serde_json::Value;
use turnout_backends::{Error as BackendError, ReviewedRow};
use turnout_compare::{Columns, Equality as _, Texts};
use turnout_comparisons::ByPolicy;
use turnout_policies::InForce;
use turnout_vocabulary::{
    Backend, Column, Filter, Find, PerBackend, Repository, RepositoryId, Request, Selected, Window,
};

use crate::closure::MOST;
use crate::{Cleanups, Error};

/// Whose a row is, and whether its copy is the same.
pub(crate) enum Standing {
    /// The row on its authority, whose copy is equal or is not there.
    Settled {
        authority: Backend,
        is_mirrored: bool,
        row: ReviewedRow,
    },
    /// The row differs in these columns.
    Differs(Vec<String>),
    /// Its authority does not have it.
    OnlyMirrored,
}

/// Looks at rows on both sides.
pub(crate) struct Sides<'c> {
    pub(crate) cleanups: &'c Cleanups,
    pub(crate) in_force: Arc<InForce>,
    /// The columns that both sides have, once they are known.
    columns: HashMap<RepositoryId, Vec<String>>,
    equality: Option<ByPolicy>,
}

impl<'c> Sides<'c> {
    pub(crate) fn new(cleanups: &'c Cleanups, in_force: Arc<InForce>) -> Self {
        Self {
            cleanups,
            in_force,
            columns: HashMap::new(),
            equality: None,
        }
    }

    /// The authority of a row by the text of its subject column, and whether the row is mirrored.
    pub(crate) fn decision(&self, repository: &Repository, subject: Option<&str>) -> Result<(Backend, bool), Error> {
        let subject = self.cleanups.rule.subject_in(subject);
        Ok(self.in_force.decision(repository.id, subject.as_ref())?)
    }

    /// How rows stand that are on one side.
    pub(crate) async fn standing(
        &mut self,
        repository: &Repository,
        side: Backend,
        rows: Vec<ReviewedRow>,
    ) -> Result<Vec<(String, Standing)>, Error> {
        let mut standing = Vec::with_capacity(rows.len());
        let mut both = Vec::new();
        for row in rows {
            let (authority, is_mirrored) = self.decision(repository, row.subject.as_deref())?;
            if authority == side && !is_mirrored {
                standing.push((
                    row.key.clone(),
                    Standing::Settled {
                        authority,
                        is_mirrored,
                        row,
                    },
                ));
            } else {
                both.push((row, authority));
            }
        }
        let others = self
            .read(repository, side.other(), both.iter().map(|(row, _)| row.key.as_str()))
            .await?;
        let mut others: HashMap<String, ReviewedRow> = others.into_iter().map(|row| (row.key.clone(), row)).collect();
        for (row, authority) in both {
            let key = row.key.clone();
            let other = others.remove(&key);
            standing.push((key, self.judge(repository, side, row, authority, other).await?));
        }
        Ok(standing)
    }

    /// How a row of one side stands, if the other side may have it, too.
    async fn judge(
        &mut self,
        repository: &Repository,
        side: Backend,
        row: ReviewedRow,
        authority: Backend,
        other: Option<ReviewedRow>,
    ) -> Result<Standing, Error> {
        let Some(other) = other else {
            return Ok(if authority == side {
                Standing::Settled {
                    authority,
                    is_mirrored: true,
                    row,
                }
            } else {
                Standing::OnlyMirrored
            });
        };
        let differing = self.differing(repository, side, &row, &other).await?;
        if !differing.is_empty() {
            return Ok(Standing::Differs(differing));
        }
        let row = if authority == side { row } else { other };
        let (authority_there, is_mirrored) = self.decision(repository, row.subject.as_deref())?;
        if authority_there != authority {
            return Ok(Standing::Differs(repository.subject.iter().cloned().collect()));
        }
        Ok(Standing::Settled {
            authority,
            is_mirrored,
            row,
        })
    }

    /// The rows of a side that match a filter; none where Turnout is not installed.
    pub(crate) async fn matching(
        &self,
        repository: &Repository,
        side: Backend,
        filter: &Filter,
    ) -> Result<Vec<ReviewedRow>, Error> {
        let database = &self.cleanups.sides[side];
        if !database.schema().await?.installed {
            return Ok(Vec::new());
        }
        let request = Request::Find(Find {
            select: repository.key.iter().map(|name| whole_column(name)).collect(),
            filter: filter.clone(),
            window: Window {
                offset: 0,
                limit: u32::try_from(MOST + 1).ok(),
            },
            ..Find::default()
        });
        let keys = database.execute(repository, &request, self.in_force.epoch).await?;
        Ok(database.reviewed(repository, &keys.body).await?)
    }

    /// Rows of a side by their keys.
    pub(crate) async fn read<'k>(
        &self,
        repository: &Repository,
        side: Backend,
        keys: impl Iterator<Item = &'k str>,
    ) -> Result<Vec<ReviewedRow>, BackendError> {
        let keys: Vec<&str> = keys.collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.cleanups.sides[side].reviewed(repository, &array(&keys)).await
    }

    /// The columns in which a row of one side and that of the other differ, as the divergence policy sees it.
    async fn differing(
        &mut self,
        repository: &Repository,
        side: Backend,
        row: &ReviewedRow,
        other: &ReviewedRow,
    ) -> Result<Vec<String>, Error> {
        let sides = &self.cleanups.sides;
        let columns = match self.columns.entry(repository.id) {
            Entry::Occupied(columns) => columns.into_mut(),
            Entry::Vacant(place) => place.insert(Columns::of(sides, repository).await?.common),
        };
        let common = |row: &ReviewedRow| -> Texts {
            let text = |name: &String| (name.clone(), row.texts.get(name).cloned().unwrap_or(Value::Null));
            columns.iter().map(text).collect()
        };
        let (row, other) = (common(row), common(other));
        if row == other {
            return Ok(Vec::new());
        }
        if self.equality.is_none() {
            let (in_force, rule) = (Arc::clone(&self.in_force), self.cleanups.rule.clone());
            self.equality = Some(ByPolicy::of(in_force, rule, sides, &self.cleanups.repositories).await?);
        }
        let texts = match side {
            Backend::Old => PerBackend { old: row, new: other },
            Backend::New => PerBackend { old: other, new: row },
        };
        let equality = self.equality.as_ref();
        Ok(equality.map_or_else(Vec::new, |equality| {
            equality.differing(repository, &texts.old, &texts.new)
        }))
    }
}

/// Keys, each a JSON object, as one JSON array.
pub(crate) fn array(keys: &[impl AsRef<str>]) -> String {
    let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
    format!("[{}]", keys.join(","))
}

fn whole_column(name: &str) -> Selected {
    Selected::Column(Column {
        field: name.into(),
        alias: None,
        cast: None,
        aggregate: None,
    })
}
