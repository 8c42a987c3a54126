use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use turnout_pipeline::Metrics;

use crate::config::Config;

pub(crate) fn run(path: &Path) -> Result<()> {
    let config = Config::load(path)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "ok     configuration {}", path.display())?;
    let mut wrong = 0;
    super::runtime()?.block_on(async {
        for (backend, database) in super::open(&config)?.iter() {
            let label = &config.backends[backend].label;
            let problems = database.check().await.unwrap_or_else(|error| vec![error.to_string()]);
            match problems.as_slice() {
                [] => writeln!(
                    out,
                    "ok     backend {backend} ({label}) with {} repositories",
                    config.repositories.len()
                )?,
                problems => problems
                    .iter()
                    .try_for_each(|problem| writeln!(out, "wrong  backend {backend} ({label}): {problem}"))?,
            }
            wrong += problems.len();
        }
        anyhow::Ok(())
    })?;
    match super::policies(&config, &Arc::new(Metrics::new(&config.repositories))) {
        Ok(policies) => {
            let version = policies.in_force().version.clone();
            writeln!(
                out,
                "ok     policy routing: {} {}, module {:.12}",
                version.name, version.version, version.module
            )?;
        }
        Err(error) => {
            writeln!(out, "wrong  {error:#}")?;
            wrong += 1;
        }
    }
    match wrong {
        0 => Ok(()),
        1 => bail!("one check failed"),
        _ => bail!("{wrong} checks failed"),
    }
}
