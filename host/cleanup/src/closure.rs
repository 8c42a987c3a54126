use std::collections::{BTreeMap, HashMap, HashSet};

use turnout_backends::ReviewedRow;
use turnout_vocabulary::{Backend, Filter, PerBackend, RepositoryId, Span};

use crate::sides::{Sides, Standing, array};
use crate::{Error, Obstacle};

/// How many rows one cleanup reviews at most.
pub(crate) const MOST: usize = 10_000;

/// A row that would go, as it is on its authority.
pub(crate) struct Going {
    pub(crate) repository: RepositoryId,
    pub(crate) authority: Backend,
    pub(crate) is_mirrored: bool,
    /// How many references it is away from a row that the filter matches; 0 for such a row.
    pub(crate) depth: usize,
    pub(crate) row: ReviewedRow,
}

/// The rows that would go: those that a filter matches, and those that refer to them, to any depth.
#[derive(Default)]
pub(crate) struct Closure {
    pub(crate) rows: Vec<Going>,
    known: HashMap<(RepositoryId, String), Backend>,
    /// Repositories whose rows refer to those of another, with that other.
    pub(crate) references: HashSet<(RepositoryId, RepositoryId)>,
    /// Sides whose rows refer to rows of the other side.
    pub(crate) crosses: PerBackend<bool>,
    pub(crate) obstacles: Vec<Obstacle>,
}

/// Keys that were just found, by their repository and authority, with whether they are mirrored.
type Found = BTreeMap<(RepositoryId, Backend), Vec<(String, bool)>>;

impl Closure {
    /// Finds the rows.
    pub(crate) async fn of(sides: &mut Sides<'_>, repository: RepositoryId, filter: &Filter) -> Result<Self, Error> {
        let mut closure = Self::default();
        let mut found = closure.requested(sides, repository, filter).await?;
        let mut depth = 0;
        while !found.is_empty() && closure.rows.len() <= MOST {
            depth += 1;
            let mut next = Found::new();
            for ((repository, authority), keys) in found {
                closure
                    .referring(sides, (repository, authority), &keys, depth, &mut next)
                    .await?;
            }
            found = next;
        }
        if closure.rows.len() > MOST {
            closure.obstacles.push(Obstacle::TooMany { most: MOST });
        }
        if closure.crosses.old && closure.crosses.new {
            closure.obstacles.push(Obstacle::Circle);
        }
        Ok(closure)
    }

    /// Adds the rows that the filter matches, each on its authority. A row that only the mirror has is an obstacle.
    async fn requested(&mut self, sides: &mut Sides<'_>, id: RepositoryId, filter: &Filter) -> Result<Found, Error> {
        let repository = sides.cleanups.of(id).clone();
        let mut found = Found::new();
        for side in sides_of(sides.in_force.span(id)) {
            let rows = sides.matching(&repository, side, filter).await?;
            // A row that belongs to the other side is found there.
            let mut own = Vec::with_capacity(rows.len());
            for row in rows {
                if sides.decision(&repository, row.subject.as_deref())?.0 == side {
                    own.push(row);
                }
            }
            for standing in sides.standing(&repository, side, own).await? {
                self.add(&repository.name, (id, side, 0), standing, &mut found);
            }
        }
        let is_mirrored = self.rows.iter().any(|going| going.is_mirrored);
        for side in Backend::ALL {
            // Where nothing is mirrored, the other side need not be there.
            let copies = match sides.matching(&repository, side, filter).await {
                Ok(rows) => rows,
                Err(error) if is_mirrored => return Err(error),
                Err(_) => continue,
            };
            let mut unknown = Vec::new();
            for row in copies {
                let (authority, is_mirrored) = sides.decision(&repository, row.subject.as_deref())?;
                if authority != side && is_mirrored && !self.known.contains_key(&(id, row.key.clone())) {
                    unknown.push(row);
                }
            }
            for (key, standing) in sides.standing(&repository, side, unknown).await? {
                // A row that is settled did not match on its authority a moment ago.
                if !matches!(standing, Standing::Settled { .. }) {
                    self.add(&repository.name, (id, side, 0), (key, standing), &mut found);
                }
            }
        }
        Ok(found)
    }

    /// Adds the rows that refer to these.
    async fn referring(
        &mut self,
        sides: &mut Sides<'_>,
        (id, authority): (RepositoryId, Backend),
        keys: &[(String, bool)],
        depth: usize,
        next: &mut Found,
    ) -> Result<(), Error> {
        let parent = sides.cleanups.of(id).clone();
        for side in Backend::ALL {
            // Where a row has no copy, nothing is removed.
            let there = keys.iter().filter(|(_, is_mirrored)| side == authority || *is_mirrored);
            let there: Vec<&str> = there.map(|(key, _)| key.as_str()).collect();
            if there.is_empty() {
                continue;
            }
            let database = &sides.cleanups.sides[side];
            for referring in database.referring(&parent, &array(&there), MOST + 1).await? {
                let child = sides.cleanups.at(&referring.schema, &referring.table);
                let (Some(child), Some(keys)) = (child.cloned(), referring.keys) else {
                    self.obstacles.push(Obstacle::NotServed {
                        table: format!("{}.{}", referring.schema, referring.table),
                        constraint: referring.constraint,
                        repository: parent.name.clone(),
                        backend: side,
                    });
                    continue;
                };
                self.references.insert((child.id, id));
                let (known, unknown): (Vec<_>, Vec<_>) = keys
                    .into_iter()
                    .partition(|key| self.known.contains_key(&(child.id, key.clone())));
                let rows = sides.read(&child, side, unknown.iter().map(String::as_str)).await?;
                for (key, standing) in sides.standing(&child, side, rows).await? {
                    self.add(&child.name, (child.id, side, depth), (key, standing), next);
                }
                for key in known.into_iter().chain(unknown) {
                    let owner = self.known.get(&(child.id, key));
                    if owner.is_some_and(|owner| *owner != authority) {
                        self.crosses[authority.other()] = true;
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds a row that was found on a side.
    fn add(
        &mut self,
        name: &str,
        (repository, side, depth): (RepositoryId, Backend, usize),
        (key, standing): (String, Standing),
        found: &mut Found,
    ) {
        let name = name.to_owned();
        match standing {
            Standing::Settled {
                authority,
                is_mirrored,
                row,
            } => {
                self.known.insert((repository, key.clone()), authority);
                found
                    .entry((repository, authority))
                    .or_default()
                    .push((key, is_mirrored));
                self.rows.push(Going {
                    repository,
                    authority,
                    is_mirrored,
                    depth,
                    row,
                });
            }
            Standing::Differs(columns) => self.obstacles.push(Obstacle::Differs {
                repository: name,
                key,
                columns,
            }),
            Standing::OnlyMirrored => {
                self.obstacles.push(Obstacle::OnlyMirrored {
                    repository: name,
                    key,
                    backend: side,
                });
            }
        }
    }
}

fn sides_of(span: Span) -> impl Iterator<Item = Backend> {
    Backend::ALL.into_iter().filter(move |side| match span {
        Span::One(only) => only == *side,
        Span::Both => true,
    })
}
