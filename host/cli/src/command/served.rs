//! Which tables of the exposed schemas are served beside the repositories that the configuration names.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use turnout_backends::{Schema, Table, TableKind};
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{Repository, RepositoryId};
use uuid::Uuid;

use crate::config::Config;

/// Reads the configuration, and which tables of the exposed schemas the site serves: those on record, as all hosts must serve the same
/// ones. Before anything is on record those that `old` has now.
pub(super) fn load(path: &Path) -> Result<Config> {
    let mut config = Config::load(path)?;
    if !config.exposed.is_empty() {
        super::runtime()?.block_on(find(&mut config, true))?;
    }
    Ok(config)
}

/// The same for a command that serves nothing, so that the keys of the API may be missing.
pub(super) fn load_without_keys(path: &Path) -> Result<Config> {
    let mut config = load_without_tables(path)?;
    if !config.exposed.is_empty() {
        super::runtime()?.block_on(find(&mut config, true))?;
    }
    Ok(config)
}

/// The same for a command that asks about no table, so that `old` need not be there.
pub(super) fn load_without_tables(path: &Path) -> Result<Config> {
    let any = |name: &str| matches!(name, "TURNOUT_API_KEY" | "TURNOUT_ADMIN_KEY").then(|| Uuid::new_v4().to_string());
    let config = Config::load_with(path, &|name| std::env::var(name).ok().or_else(|| any(name)))?;
    Ok(config)
}

/// The same with those that `old` has now, whatever is on record.
pub(super) fn load_anew(path: &Path) -> Result<Config> {
    let mut config = Config::load(path)?;
    if !config.exposed.is_empty() {
        super::runtime()?.block_on(find(&mut config, false))?;
    }
    Ok(config)
}

async fn find(config: &mut Config, as_recorded: bool) -> Result<()> {
    let databases = super::open(config, &Supervisor::new())?;
    let recorded = if as_recorded {
        turnout_handoff::recorded_site(&databases).await.context(UNREADABLE)?
    } else {
        None
    };
    let found = if let Some(recorded) = recorded {
        recorded.repositories()
    } else {
        let mut found = servable(&*databases.old.schema().await.context(UNREADABLE)?);
        // Of two tables of one name that of the schema which is exposed first has the name.
        found.sort_by_key(|table| config.exposed.iter().position(|exposed| *exposed == table.schema));
        found
    };
    let is_exposed = |repository: &Repository| config.exposed.contains(&repository.schema);
    config.serve_beside(found.into_iter().filter(is_exposed).collect());
    for repository in config.repositories.iter() {
        ensure!(
            !repository.key.is_empty(),
            "repository {} has no key, and no table {}.{} with a primary key was found: give `key` in [repositories.{}]",
            repository.name,
            repository.schema,
            repository.table,
            repository.name
        );
    }
    Ok(())
}

const UNREADABLE: &str = "what the schemas in `schemas.exposed` hold must be read from backend old";

/// Every table that can be served as it is: its primary key tells its rows apart.
fn servable(schema: &Schema) -> Vec<Repository> {
    let tables = schema.tables().iter().filter(|table| why_not(table).is_none());
    let repositories = tables.map(|table| Repository {
        id: RepositoryId(0),
        name: table.name.clone(),
        table: table.name.clone(),
        schema: table.schema.clone(),
        key: table.primary_key.clone(),
        subject: None,
        compared: Vec::new(),
    });
    repositories.collect()
}

/// Why a table is not served without being named in the configuration; `None` if it is.
fn why_not(table: &Table) -> Option<&'static str> {
    match table.kind {
        TableKind::View | TableKind::MaterializedView => Some("it is made of no table that is served"),
        TableKind::Foreign => Some(
            "changes of a foreign table can't be captured; it can be read while all repositories have one authority",
        ),
        TableKind::Plain | TableKind::Partitioned if table.primary_key.is_empty() => Some("it has no primary key"),
        TableKind::Plain | TableKind::Partitioned => None,
    }
}

/// Whether a view is made of the table of a repository, so that it is read on the authority of that.
fn shows(view: &Table, repository: &Repository) -> bool {
    let mut parts = view.parts.iter();
    parts.any(|part| part.schema == repository.schema && part.table == repository.table)
}

/// What `turnout check` says of the exposed schemas: a line for each table that is not served, with the reason, and how many are.
pub(super) fn report(schema: &Schema, config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    let mut served: BTreeMap<&str, usize> = config.exposed.iter().map(|name| (name.as_str(), 0)).collect();
    for table in schema.tables() {
        let Some(count) = served.get_mut(table.schema.as_str()) else {
            continue;
        };
        let mut repositories = config.repositories.iter();
        let served = repositories.any(|repository| repository.table == table.name && repository.schema == table.schema);
        let name = format!("{}.{}", table.schema, table.name);
        match why_not(table) {
            _ if served => *count += 1,
            _ if config.repositories.iter().any(|repository| shows(table, repository)) => {}
            Some(reason) => lines.push(format!("warn   {name} is not served: {reason}")),
            None => lines.push(format!(
                "warn   {name} is not served: it is not on record yet; run `turnout apply` to serve it on every host"
            )),
        }
    }
    for (schema, count) in served {
        lines.push(format!("ok     schema {schema}: {count} tables are served"));
    }
    lines
}
