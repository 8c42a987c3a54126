use turnout_backends::quoted;
use turnout_vocabulary::{Backend, PerBackend};

use super::Found;
use crate::catalogue::{Column, Sequence, Table};
use crate::difference::{Asks, Difference, Kind, Rule};

/// Compares the columns of a table.
pub(super) fn compare(found: &mut Found, sides: &PerBackend<&Table>) {
    for has in Backend::ALL {
        let (table, other) = (sides[has], sides[has.other()]);
        for column in &table.columns {
            match other.column(&column.name) {
                None => found.add(missing(table, column, has)),
                Some(twin) if has == Backend::Old => {
                    Pair {
                        tables: sides,
                        columns: PerBackend { old: column, new: twin },
                    }
                    .compare(found);
                }
                Some(_) => {}
            }
        }
    }
}

/// The statements that make a table with its columns alone.
pub(super) fn create(table: &Table) -> Vec<String> {
    let sequences = table.columns.iter().filter(|column| column.identity.is_none());
    let sequences: Vec<(&Column, &Sequence)> = sequences
        .filter_map(|column| Some((column, column.sequence.as_ref()?)))
        .collect();
    let mut make = vec![format!("create schema if not exists {};", quoted(&table.schema))];
    make.extend(sequences.iter().map(|(_, sequence)| create_sequence(sequence)));
    let columns = table.columns.iter().map(|column| format!("    {}", definition(column)));
    let columns: Vec<String> = columns.collect();
    let partitioned = table.partitioned_by.as_ref().map(|by| format!(" partition by {by}"));
    make.push(format!(
        "create table {} (\n{}\n){};",
        table.qualified(),
        columns.join(",\n"),
        partitioned.unwrap_or_default()
    ));
    let owned = sequences.iter().filter(|(_, sequence)| sequence.owned);
    make.extend(owned.map(|(column, sequence)| own(table, column, sequence)));
    make
}

/// A column as a statement that makes it has it.
fn definition(column: &Column) -> String {
    let mut text = format!("{} {}", quoted(&column.name), column.type_name);
    if let Some(collation) = &column.collation {
        text = format!("{text} collate {collation}");
    }
    if let Some(expression) = &column.generated {
        text = format!("{text} generated always as ({expression}) stored");
    } else if let Some(identity) = &column.identity {
        text = format!("{text} generated {} as identity", identity_in_words(identity));
    } else if let Some(default) = &column.default {
        text = format!("{text} default {default}");
    }
    if column.not_null {
        text.push_str(" not null");
    }
    text
}

fn identity_in_words(identity: &str) -> &'static str {
    if identity == "a" { "always" } else { "by default" }
}

fn missing(table: &Table, column: &Column, has: Backend) -> Difference {
    let (qualified, name) = (table.qualified(), quoted(&column.name));
    let numbered = column.sequence.as_ref().filter(|_| column.identity.is_none());
    let mut make: Vec<String> = numbered.map(create_sequence).into_iter().collect();
    // Rows that are there need a value until theirs is copied.
    let is_filled = column.default.is_some() || column.generated.is_some() || column.identity.is_some();
    let stopgap = if column.not_null && !is_filled {
        stopgap(column)
    } else {
        None
    };
    let adding = stopgap.map(|value| format!(" default {value}")).unwrap_or_default();
    make.push(format!(
        "alter table {qualified} add column {}{adding};",
        definition(column)
    ));
    if !adding.is_empty() {
        make.push(format!("alter table {qualified} alter column {name} drop default;"));
    }
    let owned = numbered.filter(|sequence| sequence.owned);
    make.extend(owned.map(|sequence| own(table, column, sequence)));
    let drop = vec![format!("alter table {qualified} drop column {name};")];
    Difference::new(Kind::Column, Some(table), &column.name).only(has, definition(column), make, drop)
}

/// A value that any row can have in a column.
fn stopgap(column: &Column) -> Option<&'static str> {
    Some(match column.type_name.split('(').next().unwrap_or_default() {
        _ if column.type_name.ends_with("[]") || matches!(&*column.type_name, "json" | "jsonb") => "'{}'",
        _ if column.is_number => "0",
        "text" | "character varying" | "character" | "bytea" => "''",
        "boolean" => "false",
        "uuid" => "'00000000-0000-0000-0000-000000000000'",
        "date" => "'1970-01-01'",
        "interval" => "'0'",
        "time without time zone" | "time with time zone" => "'00:00'",
        kind if kind.starts_with("timestamp") => "'1970-01-01'",
        _ => return None,
    })
}

fn create_sequence(sequence: &Sequence) -> String {
    let (name, kind, step) = (&sequence.name, &sequence.type_name, sequence.increment);
    format!("create sequence if not exists {name} as {kind} increment by {step};")
}

fn own(table: &Table, column: &Column, sequence: &Sequence) -> String {
    let (sequence, table, name) = (&sequence.name, table.qualified(), quoted(&column.name));
    format!("alter sequence {sequence} owned by {table}.{name};")
}

/// The statement after which a sequence hands out numbers beyond those of the rows.
pub(crate) fn pass(table: &Table, column: &Column, sequence: &str) -> String {
    let (table, name) = (table.qualified(), quoted(&column.name));
    format!("select setval({sequence}, greatest(max({name}), 1)) from {table} having max({name}) is not null;")
}

/// A column of both sides.
struct Pair<'a> {
    tables: &'a PerBackend<&'a Table>,
    columns: PerBackend<&'a Column>,
}

impl Pair<'_> {
    fn compare(&self, found: &mut Found) {
        let PerBackend { old, new } = self.columns;
        if old.compared_type != new.compared_type || old.domain != new.domain {
            found.add(self.differs(Kind::Type, typed, Self::retype));
        } else if old.collation != new.collation {
            let collated = |column: &Column| column.collation.clone().unwrap_or_else(|| "default".to_owned());
            found.add(self.differs(Kind::Collation, collated, Self::retype));
        }
        if old.generated != new.generated {
            let computed = |column: &Column| column.generated.clone().unwrap_or_else(|| "nothing".to_owned());
            found.add(self.differs(Kind::Generated, computed, Self::regenerate));
        } else if old.identity != new.identity {
            let identity = |column: &Column| match (&column.identity, &column.default) {
                (Some(identity), _) => format!("identity {}", identity_in_words(identity)),
                (None, Some(default)) => format!("default {default}"),
                (None, None) => "none".to_owned(),
            };
            found.add(self.differs(Kind::Identity, identity, Self::refill));
        } else if old.default != new.default && !(numbers(old) && numbers(new)) {
            let default = |column: &Column| column.default.clone().unwrap_or_else(|| "none".to_owned());
            found.add(self.differs(Kind::Default, default, Self::refill));
        }
        if old.not_null != new.not_null {
            let nullable = |column: &Column| (if column.not_null { "not null" } else { "nullable" }).to_owned();
            let asked_by = if old.not_null { Backend::Old } else { Backend::New };
            let rule = Rule {
                asked_by,
                asks: Asks::NotNull(quoted(&old.name)),
            };
            let difference = self.differs(Kind::NotNull, nullable, |pair, side| {
                let how = if pair.columns[side].not_null { "drop" } else { "set" };
                vec![pair.alter(side, &format!("{how} not null"))]
            });
            found.add(difference.asking(Some(rule)));
        }
    }

    fn differs(
        &self,
        kind: Kind,
        said: impl Fn(&Column) -> String,
        mend: impl Fn(&Self, Backend) -> Vec<String>,
    ) -> Difference {
        Difference::new(kind, Some(self.tables.old), &self.columns.old.name)
            .of(PerBackend::from_fn(|side| Some(said(self.columns[side]))))
            .mended(PerBackend::from_fn(|side| mend(self, side)))
    }

    fn alter(&self, side: Backend, how: &str) -> String {
        let (table, name) = (self.tables[side].qualified(), quoted(&self.columns[side].name));
        format!("alter table {table} alter column {name} {how};")
    }

    /// Gives the column of a side the type and the collation of the other's. Its default may not fit the type meanwhile.
    fn retype(&self, side: Backend) -> Vec<String> {
        let (own, wanted) = (self.columns[side], self.columns[side.other()]);
        let (table, name) = (self.tables[side].qualified(), quoted(&own.name));
        let collation = wanted
            .collation
            .as_ref()
            .map(|name| format!(" collate {name}"))
            .unwrap_or_default();
        let type_name = &wanted.type_name;
        let through = if own.is_number && wanted.is_number {
            ""
        } else {
            "::text"
        };
        let retype = format!("alter column {name} type {type_name}{collation} using {name}{through}::{type_name}");
        let default = if numbers(own) { &own.default } else { &wanted.default };
        if own.default.is_none() || own.generated.is_some() {
            return vec![format!("alter table {table} {retype};")];
        }
        let default = default
            .as_ref()
            .map(|value| format!(",\n    alter column {name} set default {value}"));
        vec![format!(
            "alter table {table}\n    alter column {name} drop default,\n    {retype}{};",
            default.unwrap_or_default()
        )]
    }

    /// Has the column of a side computed as the other's.
    fn regenerate(&self, side: Backend) -> Vec<String> {
        let (own, wanted) = (self.columns[side], self.columns[side.other()]);
        let (table, name) = (self.tables[side].qualified(), quoted(&own.name));
        if wanted.generated.is_none() {
            return vec![self.alter(side, "drop expression")];
        }
        vec![
            format!("alter table {table} drop column {name};"),
            format!("alter table {table} add column {};", definition(wanted)),
        ]
    }

    /// Fills the column of a side as the other's where no value is written.
    fn refill(&self, side: Backend) -> Vec<String> {
        let (own, wanted) = (self.columns[side], self.columns[side.other()]);
        let table = self.tables[side];
        if let Some(identity) = &wanted.identity {
            let identity = identity_in_words(identity);
            if own.identity.is_some() {
                return vec![self.alter(side, &format!("set generated {identity}"))];
            }
            let mut mends = Vec::new();
            if own.default.is_some() {
                mends.push(self.alter(side, "drop default"));
            }
            mends.push(self.alter(side, "set not null"));
            mends.push(self.alter(side, &format!("add generated {identity} as identity")));
            let of_column = format!(
                "pg_get_serial_sequence({}, {})",
                turnout_backends::quoted_text(&table.qualified()),
                turnout_backends::quoted_text(&own.name)
            );
            mends.push(pass(table, own, &of_column));
            return mends;
        }
        let mut mends = Vec::new();
        if own.identity.is_some() {
            mends.push(self.alter(side, "drop identity"));
        }
        let numbered = wanted.sequence.as_ref().filter(|_| numbers(wanted));
        if let Some(sequence) = numbered {
            mends.push(create_sequence(sequence));
            if sequence.owned {
                mends.push(self::own(table, own, sequence));
            }
            mends.push(pass(table, own, &turnout_backends::quoted_text(&sequence.name)));
        }
        mends.push(match &wanted.default {
            Some(default) => self.alter(side, &format!("set default {default}")),
            None => self.alter(side, "drop default"),
        });
        mends
    }
}

/// Whether a sequence numbers the column where no value is written.
fn numbers(column: &Column) -> bool {
    column.sequence.is_some() && column.identity.is_none() && column.default.is_some()
}

fn typed(column: &Column) -> String {
    let domain = column.domain.as_ref().map(|domain| format!(" ({domain})"));
    format!("{}{}", column.type_name, domain.unwrap_or_default())
}
