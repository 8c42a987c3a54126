//! `turnout mirror`: lists, retries and drops parked keys, the keys of rows that could not be mirrored.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};
use turnout_api::{Chosen, Parked, ParkedKey, Treated};
use turnout_vocabulary::Backend;

use super::running::{Running, understood};
use crate::arguments::{Mirror, MirrorAction, Which};
use crate::config::Config;

pub(crate) fn run(config: &Path, Mirror { action }: &Mirror) -> Result<()> {
    let config = Config::load(config)?;
    super::runtime()?.block_on(async {
        let host = Running::of(&config)?;
        let mut out = std::io::stdout().lock();
        match action {
            MirrorAction::List(which) => {
                let answer = host.get("/v1/mirror/parked").await?;
                list(&understood(&answer)?, which, &mut out)
            }
            MirrorAction::Retry(which) => {
                let answer = host.post("/v1/mirror/retry", &chosen(which)).await?;
                treated(&understood(&answer)?, "tried again", &mut out)
            }
            MirrorAction::Drop(which) => {
                let answer = host.post("/v1/mirror/drop", &chosen(which)).await?;
                treated(&understood(&answer)?, "given up: their rows stay different", &mut out)
            }
        }
    })
}

fn chosen(which: &Which) -> Chosen {
    Chosen {
        repository: which.repository.clone(),
        source: which.source.map(Backend::from),
    }
}

/// Prints parked keys. Only the administrator's key opens the list, so keys may be shown.
fn list(parked: &Parked, which: &Which, out: &mut impl Write) -> Result<()> {
    let Chosen { repository, source } = chosen(which);
    let mut unknown = Vec::new();
    let mut listed = 0;
    for (backend, keys) in parked.iter() {
        if source.is_some_and(|source| source != backend) {
            continue;
        }
        let Some(keys) = keys else {
            unknown.push(backend.as_str());
            continue;
        };
        let is_chosen = |key: &&ParkedKey| repository.as_ref().is_none_or(|repository| *repository == key.table);
        for key in keys.iter().filter(is_chosen) {
            listed += 1;
            writeln!(
                out,
                "{backend} → {}  {}  {}  SQLSTATE {}  {}  {} attempts",
                backend.other(),
                key.table,
                key.key,
                key.sqlstate,
                key.reason,
                key.attempts
            )?;
        }
    }
    if listed == 0 {
        writeln!(out, "no key is parked")?;
    }
    if !unknown.is_empty() {
        bail!(
            "backend {} cannot be reached or has no installation",
            unknown.join(" and ")
        );
    }
    Ok(())
}

fn treated(treated: &Treated, what: &str, out: &mut impl Write) -> Result<()> {
    for (backend, keys) in treated.iter() {
        if let Some(keys) = keys {
            writeln!(out, "{backend} → {}  {keys} keys {what}", backend.other())?;
        }
    }
    Ok(())
}
