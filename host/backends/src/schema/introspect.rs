use serde::Deserialize;
use sqlx::{PgConnection, Row};
use turnout_vocabulary::{Backend, Repository};

use super::{Schema, Table};
use crate::sql::quoted;

#[derive(Deserialize)]
struct Key {
    primary: bool,
    columns: Vec<String>,
}

/// Reads the tables of all repositories, in one query.
pub(crate) async fn introspect(
    connection: &mut PgConnection,
    backend: Backend,
    repositories: &[Repository],
) -> Result<Schema, sqlx::Error> {
    let schemas: Vec<&str> = repositories
        .iter()
        .map(|repository| repository.schema.as_str())
        .collect();
    let names: Vec<&str> = repositories.iter().map(|repository| repository.name.as_str()).collect();
    let installed = is_installed(connection, backend).await?;
    let rows = sqlx::query(include_str!("introspect.sql"))
        .bind(schemas)
        .bind(names)
        .fetch_all(connection)
        .await?;

    let last = repositories.iter().map(|repository| usize::from(repository.id.0)).max();
    let mut tables = vec![None; last.map_or(0, |last| last + 1)];
    for row in rows {
        let place: i64 = row.try_get(0)?;
        let found = usize::try_from(place - 1)
            .ok()
            .and_then(|place| repositories.get(place));
        let Some(repository) = found else { continue };
        let keys: Vec<Key> = from_json(row.try_get(4)?)?;
        tables[usize::from(repository.id.0)] = Some(Table {
            name: row.try_get(1)?,
            qualified: format!("{}.{}", quoted(&repository.schema), quoted(&repository.name)),
            plain: row.try_get(2)?,
            columns: from_json(row.try_get(3)?)?,
            primary_key: keys
                .iter()
                .find(|key| key.primary)
                .map(|key| key.columns.clone())
                .unwrap_or_default(),
            references: from_json(row.try_get(5)?)?,
            unique_keys: keys.into_iter().map(|key| key.columns).collect(),
        });
    }
    Ok(Schema { tables, installed })
}

/// Whether Turnout is installed for this side: a copy of a database has the installation of the original's side.
async fn is_installed(connection: &mut PgConnection, backend: Backend) -> Result<bool, sqlx::Error> {
    let (installed, recorded): (bool, bool) =
        sqlx::query_as("select to_regclass('turnout.fence') is not null, to_regclass('turnout.side') is not null")
            .fetch_one(&mut *connection)
            .await?;
    if !recorded {
        return Ok(installed);
    }
    let side: String = sqlx::query_scalar("select name from turnout.side")
        .fetch_one(connection)
        .await?;
    Ok(installed && side == backend.as_str())
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}
