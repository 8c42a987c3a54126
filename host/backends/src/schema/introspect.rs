use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use turnout_vocabulary::{Backend, Repository};

use super::function::{Argument, Function, Returned, Shaped, Volatility};
use super::relationships::{Constraint, ConstraintKind, Numbered, add_keys_of_views, relationships};
use super::view::origins;
use super::{Reference, RoleSettings, Schema, Table, TableColumn, TableKind};
use crate::error::Error;
use crate::sql::{Parameter, Statement, quoted};
use crate::wire::{Answer, Json};

/// What is read of the database.
#[derive(Deserialize)]
struct Read {
    /// The side that Turnout is installed for; `None` if it is not, or by a version that did not record that.
    side: Option<String>,
    /// Whether there is a fence.
    fence: bool,
    roles: Vec<FoundSetting>,
    tables: Vec<FoundTable>,
    constraints: Vec<FoundConstraint>,
    functions: Vec<FoundFunction>,
}

/// What is read of a setting of a role.
#[derive(Deserialize)]
struct FoundSetting {
    role: String,
    name: String,
    value: String,
}

/// What is read of a table or a view.
#[derive(Deserialize)]
struct FoundTable {
    oid: u32,
    /// Its place among those asked for, from 1, if it was asked for.
    place: Option<usize>,
    schema: String,
    name: String,
    kind: TableKind,
    columns: Vec<FoundColumn>,
    keys: Vec<Key>,
    references: Vec<Reference>,
    parts: Vec<Reference>,
    /// Of a view what its query is.
    tree: Option<String>,
}

#[derive(Deserialize)]
struct FoundColumn {
    number: i16,
    #[serde(flatten)]
    column: TableColumn,
}

#[derive(Deserialize)]
struct Key {
    primary: bool,
    columns: Vec<String>,
}

#[derive(Deserialize)]
struct FoundConstraint {
    name: String,
    kind: String,
    table: u32,
    columns: Vec<i16>,
    target: u32,
    target_columns: Option<Vec<i16>>,
}

#[derive(Deserialize)]
struct FoundFunction {
    schema: String,
    name: String,
    arguments: Vec<FoundArgument>,
    #[serde(rename = "type")]
    type_name: String,
    row_of: Option<u32>,
    is_void: bool,
    set: bool,
    one_row: bool,
    columns: Vec<TableColumn>,
    volatility: String,
}

#[derive(Deserialize)]
struct FoundArgument {
    name: String,
    #[serde(rename = "type")]
    type_name: String,
    row_of: Option<u32>,
    variadic: bool,
    optional: bool,
}

/// The question what the tables of all repositories look like, and what else these schemas hold.
pub(crate) fn introspection(repositories: &[Repository], exposed: &[String]) -> Statement<'static> {
    let names =
        |name: fn(&Repository) -> &String| -> Parameter<'static> { Parameter::list(repositories.iter().map(name)) };
    Statement::new(
        include_str!("introspect.sql"),
        &[
            names(|repository| &repository.schema),
            names(|repository| &repository.table),
            Parameter::list(exposed),
        ],
    )
}

/// Reads the answer to it.
pub(crate) fn read_schema(mut answer: Answer, backend: Backend, repositories: &[Repository]) -> Result<Schema, Error> {
    let Json(read) = answer
        .take::<Json<Read>>(0)
        .map_err(|misread| Error::unexpected(backend, &misread))?;
    let last = repositories.iter().map(|repository| usize::from(repository.id.0)).max();
    let mut of_repositories = vec![None; last.map_or(0, |last| last + 1)];
    let mut tables = Vec::with_capacity(read.tables.len());
    let mut numbered = Numbered::default();
    for found in read.tables {
        let asked = found.place.and_then(|place| repositories.get(place.checked_sub(1)?));
        if let Some(repository) = asked {
            of_repositories[usize::from(repository.id.0)] = Some(tables.len());
        }
        numbered.places.insert(found.oid, tables.len());
        if let Some(tree) = &found.tree {
            numbered.views.push((found.oid, origins(tree)));
        }
        for FoundColumn { number, column } in &found.columns {
            numbered.names.insert((found.oid, *number), column.name.clone());
        }
        tables.push(found.into());
    }
    numbered.follow_views();
    let constraints: Vec<Constraint> = read.constraints.into_iter().map(Into::into).collect();
    add_keys_of_views(&mut tables, &constraints, &numbered);
    let functions = read.functions.into_iter();
    let functions: Vec<Function> = functions.map(|found| function(found, &numbered.places)).collect();
    // A copy of a database has the installation of the original's side.
    let installed = read.fence && read.side.is_none_or(|side| side == backend.as_str());
    Ok(Schema {
        relationships: relationships(&tables, &functions, &constraints, &numbered),
        tables,
        repositories: of_repositories,
        functions,
        roles: roles(read.roles),
        installed,
    })
}

fn roles(found: Vec<FoundSetting>) -> BTreeMap<String, RoleSettings> {
    let mut roles: BTreeMap<String, RoleSettings> = BTreeMap::new();
    for FoundSetting { role, name, value } in found {
        roles.entry(role).or_default().add(name, value);
    }
    roles
}

impl From<FoundTable> for Table {
    fn from(found: FoundTable) -> Self {
        let primary = found.keys.iter().find(|key| key.primary);
        Self {
            qualified: format!("{}.{}", quoted(&found.schema), quoted(&found.name)),
            schema: found.schema,
            name: found.name,
            kind: found.kind,
            columns: found.columns.into_iter().map(|found| found.column).collect(),
            primary_key: primary.map(|key| key.columns.clone()).unwrap_or_default(),
            references: found.references,
            unique_keys: found.keys.into_iter().map(|key| key.columns).collect(),
            parts: found.parts,
        }
    }
}

impl From<FoundConstraint> for Constraint {
    fn from(found: FoundConstraint) -> Self {
        Self {
            kind: match found.target_columns {
                Some(columns) => ConstraintKind::References {
                    table: found.target,
                    columns,
                },
                None => ConstraintKind::Unique {
                    primary: found.kind == "p",
                },
            },
            name: found.name,
            table: found.table,
            columns: found.columns,
        }
    }
}

fn function(found: FoundFunction, places: &HashMap<u32, usize>) -> Function {
    let place = |row_of: Option<u32>| row_of.and_then(|oid| places.get(&oid).copied());
    let shape = match place(found.row_of) {
        _ if found.is_void => Shaped::Void,
        Some(table) => Shaped::Row(table),
        None if !found.columns.is_empty() => Shaped::Columns(found.columns),
        None => Shaped::Scalar,
    };
    let arguments = found.arguments.into_iter().map(|argument| Argument {
        name: argument.name,
        type_name: argument.type_name,
        row_of: place(argument.row_of),
        variadic: argument.variadic,
        optional: argument.optional,
    });
    Function {
        qualified: format!("{}.{}", quoted(&found.schema), quoted(&found.name)),
        schema: found.schema,
        name: found.name,
        arguments: arguments.collect(),
        result: Returned {
            type_name: found.type_name,
            set: found.set,
            one_row: found.one_row,
            shape,
        },
        volatility: match &*found.volatility {
            "i" => Volatility::Immutable,
            "s" => Volatility::Stable,
            _ => Volatility::Volatile,
        },
    }
}
