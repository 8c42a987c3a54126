//! `turnout divergence`: the rows that are known to differ between the sides.

mod listed;
mod rows;

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;
use turnout_backends::Database;
use turnout_compare::Columns;
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{PerBackend, Repository};

use crate::arguments::{Divergence, DivergenceAction, OneKey};
use crate::config::Config;

pub(crate) fn run(path: &Path, Divergence { action }: &Divergence) -> Result<()> {
    let config = super::served::load(path)?;
    super::runtime()?.block_on(async {
        let supervisor = Supervisor::new();
        let sides = super::open(&config, &supervisor)?;
        let mut out = std::io::stdout().lock();
        match action {
            DivergenceAction::List { repository, json } => {
                let chosen = repository.as_deref();
                listed::print(&sides, chosen, *json, &mut out).await
            }
            DivergenceAction::Show(one) => show(&sides, &config, one, &mut out).await.map(drop),
            DivergenceAction::Explain(one) => {
                let (repository, key) = show(&sides, &config, one, &mut out).await?;
                explain(&sides, repository, &key, &mut out).await
            }
        }
    })
}

/// Prints the rows of a key; the repository, and the key as pending entries have it.
async fn show<'c>(
    sides: &PerBackend<Database>,
    config: &'c Config,
    one: &OneKey,
    out: &mut impl Write,
) -> Result<(&'c Repository, String)> {
    let repository = config
        .repositories
        .iter()
        .find(|repository| repository.name == one.repository);
    let repository = repository.with_context(|| format!("no repository is called {}", one.repository))?;
    let given = if one.key.trim_start().starts_with('{') {
        one.key.clone()
    } else {
        let column = repository.key.first().map_or("", String::as_str);
        json!({ column: one.key }).to_string()
    };
    let key = sides.old.key_text(repository, &given).await.with_context(|| {
        format!(
            "{} is no key of {}, which is made of {}",
            one.key,
            repository.name,
            repository.key.join(", ")
        )
    })?;
    let columns = Columns::of(sides, repository).await?;
    rows::print(sides, repository, &columns.common, &key, out).await?;
    Ok((repository, key))
}

/// Prints what both sides know of a key.
async fn explain(sides: &PerBackend<Database>, repository: &Repository, key: &str, out: &mut impl Write) -> Result<()> {
    let mut events = Vec::new();
    for (backend, database) in sides.iter() {
        let history = database.key_history(repository, key).await?;
        events.extend(history.into_iter().map(|event| (event, backend)));
    }
    events.sort_by(|(one, _), (other, _)| one.at.cmp(&other.at));
    writeln!(out, "history of {key}")?;
    for (event, backend) in &events {
        writeln!(
            out,
            "  {}  {backend}  epoch {}  {}: {}",
            event.at, event.epoch, event.what, event.detail
        )?;
    }
    if events.is_empty() {
        writeln!(
            out,
            "  nothing is pending, parked or diverged on either side, nor was within the last week"
        )?;
    }
    Ok(())
}
