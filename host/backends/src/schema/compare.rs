#[cfg(test)]
mod tests;

use std::fmt;

use turnout_vocabulary::{Backend, PerBackend};

use super::shape::{Shape, ShapeColumn};

/// Something that a table has on one side and not, or otherwise, on the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaDifference {
    /// The table with its schema.
    pub table: String,
    /// What differs, with both definitions, and what to do.
    pub message: String,
    /// Whether rows would be lost or rounded, or writes refused, if that side were the authority. A difference that breaks
    /// neither may only surprise.
    breaks: PerBackend<bool>,
}

impl SchemaDifference {
    /// Whether that side can't be the authority.
    #[must_use]
    pub fn breaks(&self, authority: Backend) -> bool {
        self.breaks[authority]
    }

    /// Whether it only may surprise.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        !Backend::ALL.into_iter().any(|side| self.breaks(side))
    }
}

impl fmt::Display for SchemaDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table {}: {}", self.table, self.message)
    }
}

/// Which sides a difference breaks.
#[derive(Clone, Copy)]
enum Breaks {
    Both,
    One(Backend),
    None,
}

/// What differs between the two sides of a table, in the order of the columns, then of the constraints.
pub(crate) fn compare(table: &str, sides: PerBackend<&Shape>) -> Vec<SchemaDifference> {
    let mut found = Found {
        table,
        differences: Vec::new(),
    };
    for side in Backend::ALL {
        let other = side.other();
        for column in &sides[side].columns {
            match sides[other].columns.iter().find(|twin| twin.name == column.name) {
                None => found.add(
                    Breaks::Both,
                    format!(
                        "column {} ({}) is missing on {other}: add it there, or drop it on {side}",
                        column.name, column.type_name
                    ),
                ),
                Some(twin) if side == Backend::Old => {
                    found.compare_columns(&PerBackend { old: column, new: twin }, &sides);
                }
                Some(_) => {}
            }
        }
    }
    found.one_sided(
        PerBackend::from_fn(|side| &sides[side].unique[..]),
        |unique, has, lacks| {
            (
                Breaks::One(lacks),
                format!(
                    "unique {unique} is on {has} only: an upsert that names it is refused on {lacks}; add it there"
                ),
            )
        },
    );
    found.one_sided(
        PerBackend::from_fn(|side| &sides[side].checks[..]),
        |check, has, lacks| {
            (
                Breaks::One(has),
                format!(
                    "{check} is on {has} only, which refuses rows that {lacks} takes; add it on {lacks} or drop it"
                ),
            )
        },
    );
    found.one_sided(
        PerBackend::from_fn(|side| &sides[side].references[..]),
        |reference, has, lacks| (Breaks::None, format!("{reference} is on {has} only; add it on {lacks}")),
    );
    found.one_sided(
        PerBackend::from_fn(|side| &sides[side].indexes[..]),
        |index, has, lacks| {
            (
                Breaks::None,
                format!("index {index} is on {has} only: reads may be slow on {lacks}"),
            )
        },
    );
    found.one_sided(
        PerBackend::from_fn(|side| &sides[side].triggers[..]),
        |trigger, has, lacks| {
            (
                Breaks::None,
                format!("trigger {trigger} is on {has} only: what it does, {lacks} does not do"),
            )
        },
    );
    found.differences
}

struct Found<'a> {
    table: &'a str,
    differences: Vec<SchemaDifference>,
}

impl Found<'_> {
    fn add(&mut self, breaks: Breaks, message: String) {
        self.differences.push(SchemaDifference {
            table: self.table.to_owned(),
            message,
            breaks: PerBackend::from_fn(|side| match breaks {
                Breaks::Both => true,
                Breaks::One(broken) => broken == side,
                Breaks::None => false,
            }),
        });
    }

    /// What only one of the sides has.
    fn one_sided(&mut self, sides: PerBackend<&[String]>, say: impl Fn(&str, Backend, Backend) -> (Breaks, String)) {
        for has in Backend::ALL {
            let lacks = has.other();
            for definition in sides[has]
                .iter()
                .filter(|definition| !sides[lacks].contains(definition))
            {
                let (breaks, message) = say(definition, has, lacks);
                self.add(breaks, message);
            }
        }
    }

    fn compare_columns(&mut self, columns: &PerBackend<&ShapeColumn>, sides: &PerBackend<&Shape>) {
        let name = &columns.old.name;
        let mut differs = |breaks, what: &str, of: &dyn Fn(&ShapeColumn) -> String, todo: &str| {
            let (old, new) = (of(columns.old), of(columns.new));
            if old != new {
                let message = format!("column {name} {what} {old} on old and {new} on new: {todo}");
                self.add(breaks, message);
            }
        };
        differs(
            Breaks::Both,
            "has the type",
            &|column| {
                let domain = column.domain.as_ref().map(|domain| format!(" ({domain})"));
                format!("{}{}", column.type_name, domain.unwrap_or_default())
            },
            "values would be lost, rounded or refused; make them the same",
        );
        differs(
            Breaks::Both,
            "is computed by",
            &|column| column.generated.clone().unwrap_or_else(|| "nothing".into()),
            "make them the same",
        );
        differs(
            Breaks::Both,
            "compares texts",
            &|column| (if column.deterministic { "exactly" } else { "loosely" }).into(),
            "give it the same collation",
        );
        differs(
            Breaks::None,
            "has the collation",
            &|column| column.collation.clone().unwrap_or_else(|| "none".into()),
            "texts are sorted otherwise",
        );
        if columns.old.default.is_some()
            && columns.new.default.is_some()
            && !(counts(columns.old) && counts(columns.new))
        {
            differs(
                Breaks::None,
                "has the default",
                &|column| column.default.clone().unwrap_or_default(),
                "rows that leave it out differ by side",
            );
        }
        if columns.old.identity.is_some() && columns.new.identity.is_some() {
            differs(
                Breaks::None,
                "is an identity generated",
                &|column| {
                    (if column.identity.as_deref() == Some("a") {
                        "always"
                    } else {
                        "by default"
                    })
                    .into()
                },
                "a value that is written is refused where it is `always`",
            );
        }
        for has in Backend::ALL {
            let lacks = has.other();
            if is_filled(columns[has]) && !is_filled(columns[lacks]) {
                let message = format!(
                    "column {name} has {} on {has} and no default on {lacks}: rows that leave it out come out otherwise or are \
                     refused there; add it",
                    filling(columns[has])
                );
                self.add(Breaks::One(lacks), message);
            }
            if columns[has].not_null && !columns[lacks].not_null {
                let message = format!(
                    "column {name} is not null on {has} and nullable on {lacks}: null is refused on {has}; make them the same"
                );
                self.add(Breaks::One(has), message);
            }
            for label in &columns[has].labels {
                if !columns[lacks].labels.contains(label) && !columns[lacks].labels.is_empty() {
                    let message = format!(
                        "column {name}: the type {} has no label '{label}' on {lacks}: alter type {} add value '{label}'",
                        columns[lacks].type_name, columns[lacks].type_name
                    );
                    self.add(Breaks::One(lacks), message);
                }
            }
            if let (None, Some(schema)) = (&columns[has].out_of_path, &columns[lacks].out_of_path) {
                let message = format!(
                    "column {name}: its type {} is in the schema {schema} on {lacks}, which is not in the search_path there, so \
                     its operators are not found: alter role {} set search_path = public, {schema}",
                    columns[lacks].type_name, sides[lacks].role
                );
                self.add(Breaks::One(lacks), message);
            }
        }
    }
}

/// Whether a value comes from a sequence where none is written.
fn counts(column: &ShapeColumn) -> bool {
    column.identity.is_some()
        || column
            .default
            .as_deref()
            .is_some_and(|default| default.contains("nextval("))
}

/// Whether another value than null is there where none is written.
fn is_filled(column: &ShapeColumn) -> bool {
    let null = |default: &str| default == "NULL" || default.starts_with("NULL::");
    column.identity.is_some()
        || column.generated.is_some()
        || column.default.as_deref().is_some_and(|default| !null(default))
}

fn filling(column: &ShapeColumn) -> String {
    match (&column.default, &column.generated) {
        (Some(default), _) => format!("the default {default}"),
        (None, Some(expression)) => format!("the expression {expression}"),
        (None, None) => "an identity".into(),
    }
}
