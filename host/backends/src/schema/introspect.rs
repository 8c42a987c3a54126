use serde::Deserialize;
use turnout_vocabulary::{Backend, Repository};

use super::{Reference, Schema, Table, TableColumn};
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
    tables: Vec<Found>,
}

/// What is read of a table.
#[derive(Deserialize)]
struct Found {
    /// Its place among those asked for, from 1.
    place: usize,
    name: String,
    plain: bool,
    columns: Vec<TableColumn>,
    keys: Vec<Key>,
    references: Vec<Reference>,
}

#[derive(Deserialize)]
struct Key {
    primary: bool,
    columns: Vec<String>,
}

/// The question what the tables of all repositories look like.
pub(crate) fn introspection(repositories: &[Repository]) -> Statement<'static> {
    let names =
        |name: fn(&Repository) -> &String| -> Parameter<'static> { Parameter::list(repositories.iter().map(name)) };
    Statement::new(
        include_str!("introspect.sql"),
        &[
            names(|repository| &repository.schema),
            names(|repository| &repository.name),
        ],
    )
}

/// Reads the answer to it.
pub(crate) fn read_schema(mut answer: Answer, backend: Backend, repositories: &[Repository]) -> Result<Schema, Error> {
    let Json(read) = answer
        .take::<Json<Read>>(0)
        .map_err(|misread| Error::unexpected(backend, &misread))?;
    let last = repositories.iter().map(|repository| usize::from(repository.id.0)).max();
    let mut tables = vec![None; last.map_or(0, |last| last + 1)];
    for found in read.tables {
        let Some(repository) = found.place.checked_sub(1).and_then(|place| repositories.get(place)) else {
            continue;
        };
        let primary = found.keys.iter().find(|key| key.primary);
        tables[usize::from(repository.id.0)] = Some(Table {
            name: found.name,
            qualified: format!("{}.{}", quoted(&repository.schema), quoted(&repository.name)),
            plain: found.plain,
            columns: found.columns,
            primary_key: primary.map(|key| key.columns.clone()).unwrap_or_default(),
            references: found.references,
            unique_keys: found.keys.into_iter().map(|key| key.columns).collect(),
        });
    }
    // A copy of a database has the installation of the original's side.
    let installed = read.fence && read.side.is_none_or(|side| side == backend.as_str());
    Ok(Schema { tables, installed })
}
