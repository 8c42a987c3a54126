//! What differs between two catalogues. Pure: it can be asked of catalogues that were kept.

mod columns;
mod constraints;
mod enums;
mod objects;
mod tables;
#[cfg(test)]
mod tests;

pub(crate) use columns::pass;

use turnout_vocabulary::{Backend, PerBackend};

use crate::catalogue::{Catalogue, Table};
use crate::difference::{Difference, Kind, Rule};

/// All that differs, in the order in which it can be made equal: run one after the other, the statements for a side make that side like
/// the other.
#[must_use]
pub fn differences(sides: &PerBackend<Catalogue>) -> Vec<Difference> {
    let mut found = Found::default();
    objects::compare(&mut found, sides);
    enums::compare(&mut found, sides);
    for table in pairs(sides) {
        tables::compare(&mut found, &table, sides);
    }
    found.0.sort_by_key(|difference| difference.kind);
    found.0
}

/// The tables of both sides by their names; one at least has it.
fn pairs(sides: &PerBackend<Catalogue>) -> Vec<PerBackend<Option<&Table>>> {
    let of_old = sides.old.tables.iter().map(|table| PerBackend {
        old: Some(table),
        new: sides.new.table(&table.schema, &table.name),
    });
    let is_new = |table: &&Table| sides.old.table(&table.schema, &table.name).is_none();
    let of_new_alone = sides.new.tables.iter().filter(is_new).map(|table| PerBackend {
        old: None,
        new: Some(table),
    });
    of_old.chain(of_new_alone).collect()
}

/// What was found so far.
#[derive(Default)]
struct Found(Vec<Difference>);

impl Found {
    fn add(&mut self, difference: Difference) {
        self.0.push(difference);
    }
}

impl Difference {
    fn new(kind: Kind, table: Option<&Table>, object: impl Into<String>) -> Self {
        Self {
            kind,
            table: table.map(Table::shown),
            object: object.into(),
            definitions: PerBackend::default(),
            mends: PerBackend::default(),
            rule: None,
        }
    }

    /// Something that `has` has, how the other side gets it, and how `has` gets rid of it.
    fn only(mut self, has: Backend, definition: impl Into<String>, make: Vec<String>, drop: Vec<String>) -> Self {
        self.definitions[has] = Some(definition.into());
        self.mends[has.other()] = make;
        self.mends[has] = drop;
        self
    }

    fn of(mut self, definitions: PerBackend<Option<String>>) -> Self {
        self.definitions = definitions;
        self
    }

    fn mended(mut self, mends: PerBackend<Vec<String>>) -> Self {
        self.mends = mends;
        self
    }

    fn asking(mut self, rule: Option<Rule>) -> Self {
        self.rule = rule;
        self
    }
}
