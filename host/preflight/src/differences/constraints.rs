use turnout_backends::quoted;
use turnout_vocabulary::{Backend, PerBackend};

use super::Found;
use crate::catalogue::{Constraint, Index, Table};
use crate::difference::{Asks, Difference, Kind, Rule};

/// Compares the constraints and the indexes of a table.
pub(super) fn compare(found: &mut Found, sides: &PerBackend<&Table>) {
    for has in Backend::ALL {
        indexes(found, sides, has);
        constraints(found, sides, has);
    }
}

/// Checks, exclusion constraints and foreign keys. Unique ones are compared by their indexes.
fn constraints(found: &mut Found, sides: &PerBackend<&Table>, has: Backend) {
    let (table, other) = (sides[has], sides[has.other()]);
    for constraint in &table.constraints {
        let kind = match constraint.kind.as_str() {
            "c" => Kind::Check,
            "x" => Kind::Exclusion,
            "f" => Kind::ForeignKey,
            _ => continue,
        };
        let is_same = |twin: &&Constraint| twin.kind == constraint.kind && twin.definition == constraint.definition;
        if let Some(twin) = other.constraints.iter().find(is_same) {
            if constraint.validated && !twin.validated {
                found.add(not_validated(
                    Difference::new(kind, Some(table), &twin.name),
                    constraint,
                    other,
                    has,
                ));
            }
            continue;
        }
        let make = |constraint: &Constraint, of: &Table| {
            let (table, name) = (of.qualified(), quoted(&constraint.name));
            format!("alter table {table} add constraint {name} {};", constraint.definition)
        };
        let drop = |constraint: &Constraint, of: &Table| {
            format!(
                "alter table {} drop constraint {};",
                of.qualified(),
                quoted(&constraint.name)
            )
        };
        let difference = Difference::new(kind, Some(table), &constraint.name).asking(rule(constraint, has));
        let named_alike = other.constraints.iter().find(|twin| twin.name == constraint.name);
        match named_alike {
            None => found.add(difference.only(
                has,
                &constraint.definition,
                vec![make(constraint, other)],
                vec![drop(constraint, table)],
            )),
            Some(twin) if has == Backend::Old => found.add(
                difference
                    .of(PerBackend {
                        old: Some(constraint.definition.clone()),
                        new: Some(twin.definition.clone()),
                    })
                    .mended(PerBackend {
                        old: vec![drop(constraint, table), make(twin, table)],
                        new: vec![drop(twin, other), make(constraint, other)],
                    }),
            ),
            Some(_) => {}
        }
    }
}

/// A constraint that all rows of `has` keep, and only new rows of the other side must.
fn not_validated(difference: Difference, constraint: &Constraint, other: &Table, has: Backend) -> Difference {
    let lacks = has.other();
    let name = quoted(&difference.object);
    let mut definitions = PerBackend::from_fn(|_| Some(constraint.definition.clone()));
    definitions[lacks] = Some(format!("{} not valid", constraint.definition));
    let mut mends = PerBackend::default();
    mends[lacks] = vec![format!("alter table {} validate constraint {name};", other.qualified())];
    difference.of(definitions).mended(mends).asking(rule(constraint, has))
}

fn rule(constraint: &Constraint, asked_by: Backend) -> Option<Rule> {
    let asks = match (&constraint.expression, &constraint.target) {
        (Some(expression), _) => Asks::Check(expression.clone()),
        (None, Some(target)) => Asks::Reference {
            columns: constraint.columns.clone(),
            target: target.clone(),
            target_columns: constraint.target_columns.clone(),
        },
        (None, None) => return None,
    };
    Some(Rule { asked_by, asks })
}

fn indexes(found: &mut Found, sides: &PerBackend<&Table>, has: Backend) {
    let (table, other) = (sides[has], sides[has.other()]);
    for index in &table.indexes {
        let is_of_exclusion = index.constraint.is_some() && !index.unique;
        if !index.valid || is_of_exclusion || other.indexes.iter().any(|twin| twin.valid && is_same(twin, index)) {
            continue;
        }
        let constraint = index
            .constraint
            .as_ref()
            .and_then(|name| table.constraints.iter().find(|constraint| constraint.name == *name));
        // A table has one primary key only.
        let constraint_there = constraint
            .filter(|constraint| constraint.kind != "p" || !other.constraints.iter().any(|twin| twin.kind == "p"));
        let mut make = Vec::new();
        if let Some(twin) = other.indexes.iter().find(|twin| twin.name == index.name) {
            make.push(drop(twin, other));
        }
        make.push(match constraint_there {
            Some(constraint) => {
                let name = quoted(&constraint.name);
                format!(
                    "alter table {} add constraint {name} {};",
                    other.qualified(),
                    constraint.definition
                )
            }
            None => format!("{};", index.definition),
        });
        let definition = constraint.map_or(&index.definition, |constraint| &constraint.definition);
        let (kind, rule) = if index.unique {
            let asks = Asks::Unique {
                expressions: index.expressions.clone(),
                predicate: index.predicate.clone(),
                nulls_not_distinct: index.nulls_not_distinct || constraint.is_some_and(|one| one.kind == "p"),
            };
            (Kind::Unique, Some(Rule { asked_by: has, asks }))
        } else {
            (Kind::Index, None)
        };
        let difference = Difference::new(kind, Some(table), &index.name).asking(rule);
        found.add(difference.only(has, definition, make, vec![drop(index, table)]));
    }
}

fn drop(index: &Index, of: &Table) -> String {
    match &index.constraint {
        Some(constraint) => format!("alter table {} drop constraint {};", of.qualified(), quoted(constraint)),
        None => format!("drop index if exists {}.{};", quoted(&of.schema), quoted(&index.name)),
    }
}

/// Whether two indexes serve the same, and refuse the same.
fn is_same(one: &Index, other: &Index) -> bool {
    if one.unique != other.unique {
        return false;
    }
    if !one.unique {
        return one.shape == other.shape;
    }
    let refuses = |index: &Index| {
        let mut expressions = index.expressions.clone();
        expressions.sort_unstable();
        (
            expressions,
            index.predicate.clone(),
            index.immediate,
            index.nulls_not_distinct,
        )
    };
    refuses(one) == refuses(other)
}
