//! How tables and views are related: by foreign keys, also those of the tables that views show, through tables between two others,
//! and by functions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::relationship::{Computed, ForeignKey, Join, Junction, Relationship};
use super::view::Origin;
use super::{Function, Table};

/// A constraint of a table that need not be exposed.
pub(super) struct Constraint {
    pub(super) name: String,
    pub(super) kind: ConstraintKind,
    /// The table, as the catalogue numbers it.
    pub(super) table: u32,
    pub(super) columns: Vec<i16>,
}

/// What a constraint demands.
pub(super) enum ConstraintKind {
    /// The columns tell rows apart.
    Unique {
        /// Whether this is the primary key.
        primary: bool,
    },
    /// The columns are equal to those of a row of another table, as the catalogue numbers it.
    References { table: u32, columns: Vec<i16> },
}

/// The columns of tables and views as the catalogue numbers them.
#[derive(Default)]
pub(super) struct Numbered {
    /// The place of each relation in the schema.
    pub(super) places: HashMap<u32, usize>,
    /// The name of each column.
    pub(super) names: HashMap<(u32, i16), String>,
    /// For each view where its columns come from.
    pub(super) views: Vec<(u32, Vec<Origin>)>,
}

/// A relation that shows columns: the table that has them or a view of it.
struct Shown {
    place: usize,
    columns: Vec<String>,
}

impl Numbered {
    /// Follows views of views down to tables: each column of a view with the column of a table that it shows.
    pub(super) fn follow_views(&mut self) {
        let own: HashMap<u32, Vec<Origin>> = self.views.iter().cloned().collect();
        for (_, origins) in &mut self.views {
            for origin in origins {
                // A view can't be made of itself, so this ends.
                while let Some(next) = own
                    .get(&origin.relation)
                    .and_then(|inner| inner.iter().find(|inner| inner.number == origin.column))
                {
                    (origin.relation, origin.column) = (next.relation, next.column);
                }
            }
        }
    }

    /// The relations that show all of these columns of a table: itself, and each view in as many ways as it shows them.
    fn shown(&self, table: u32, columns: &[i16]) -> Vec<Shown> {
        let itself = self.places.get(&table).and_then(|&place| {
            let names = columns.iter().map(|column| self.names.get(&(table, *column)).cloned());
            let columns = names.collect::<Option<_>>()?;
            Some(Shown { place, columns })
        });
        let mut shown: Vec<Shown> = itself.into_iter().collect();
        for (view, origins) in &self.views {
            let Some(&place) = self.places.get(view) else { continue };
            let mut ways = vec![Vec::new()];
            for column in columns {
                let names: Vec<&String> = origins
                    .iter()
                    .filter(|origin| origin.relation == table && origin.column == *column)
                    .filter_map(|origin| self.names.get(&(*view, origin.number)))
                    .collect();
                ways = ways
                    .iter()
                    .flat_map(|way| {
                        let longer = |name: &&String| way.iter().cloned().chain([(*name).clone()]).collect();
                        names.iter().map(longer).collect::<Vec<Vec<String>>>()
                    })
                    .collect();
            }
            shown.extend(ways.into_iter().map(|columns| Shown { place, columns }));
        }
        shown
    }
}

/// Finds the primary keys of views: the columns that show the primary key of a table that the view is made of.
pub(super) fn add_keys_of_views(tables: &mut [Table], constraints: &[Constraint], numbered: &Numbered) {
    for constraint in constraints {
        if !matches!(constraint.kind, ConstraintKind::Unique { primary: true }) {
            continue;
        }
        for shown in numbered.shown(constraint.table, &constraint.columns) {
            let table = &mut tables[shown.place];
            if table.is_view() && table.primary_key.is_empty() {
                table.primary_key = shown.columns;
            }
        }
    }
}

/// The relationships of each table, in the order in which they are listed to callers.
pub(super) fn relationships(
    tables: &[Table],
    functions: &[Function],
    constraints: &[Constraint],
    numbered: &Numbered,
) -> Vec<Vec<Relationship>> {
    let mut found: Vec<BTreeSet<Relationship>> = vec![BTreeSet::new(); tables.len()];
    // By table the foreign keys to one row: those of which a table between two others may have two.
    let mut to_one: BTreeMap<usize, Vec<(usize, ForeignKey)>> = BTreeMap::new();
    for constraint in constraints {
        let ConstraintKind::References { table, columns } = &constraint.kind else {
            continue;
        };
        let is_unique = constraints.iter().any(|other| {
            matches!(other.kind, ConstraintKind::Unique { .. })
                && other.table == constraint.table
                && other.columns.len() == constraint.columns.len()
                && constraint.columns.iter().all(|column| other.columns.contains(column))
        });
        for source in numbered.shown(constraint.table, &constraint.columns) {
            for target in numbered.shown(*table, columns) {
                let key = ForeignKey {
                    constraint: constraint.name.clone(),
                    columns: source.columns.iter().cloned().zip(target.columns).collect(),
                };
                let (forth, back) = if is_unique {
                    (Join::OneToOne(key.clone()), Join::OneToOne(key.reversed()))
                } else {
                    to_one
                        .entry(source.place)
                        .or_default()
                        .push((target.place, key.clone()));
                    (Join::ManyToOne(key.clone()), Join::OneToMany(key.reversed()))
                };
                found[source.place].insert(Relationship {
                    target: target.place,
                    join: forth,
                });
                found[target.place].insert(Relationship {
                    target: source.place,
                    join: back,
                });
            }
        }
    }
    for (between, keys) in &to_one {
        let junction = &tables[*between];
        let is_in_key = |key: &ForeignKey| key.columns.iter().all(|(own, _)| junction.primary_key.contains(own));
        let keys: Vec<_> = keys.iter().filter(|(_, key)| is_in_key(key)).collect();
        for (source, source_key) in &keys {
            for (target, target_key) in keys.iter().filter(|(_, key)| key.constraint != source_key.constraint) {
                let join = Join::ManyToMany(Junction {
                    name: junction.name.clone(),
                    table: *between,
                    source: source_key.reversed(),
                    target: target_key.reversed(),
                });
                found[*source].insert(Relationship { target: *target, join });
            }
        }
    }
    let mut relationships: Vec<Vec<Relationship>> = found
        .into_iter()
        .map(|of_table| of_table.into_iter().collect())
        .collect();
    for (place, function) in functions.iter().enumerate() {
        let (Some(source), Some(target)) = (function.computes_of(), function.rows_of()) else {
            continue;
        };
        let join = Join::Computed(Computed {
            name: function.name.clone(),
            function: place,
            one_row: function.result.one_row,
        });
        // A function takes the place of the relationships with a table of its name.
        relationships[source].retain(|other| {
            matches!(other.join, Join::Computed(_))
                || tables[other.target].name != function.name
                || tables[other.target].schema != function.schema
        });
        relationships[source].push(Relationship { target, join });
    }
    relationships
}
