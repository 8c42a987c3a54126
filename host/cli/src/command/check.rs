use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use turnout_backends::{Database, Error};
use turnout_pipeline::{Metrics, Policies};

use crate::config::Config;

pub(crate) fn run(path: &Path) -> Result<()> {
    let config = Config::load(path)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "ok     configuration {}", path.display())?;
    let policies = super::policies(&config, &Arc::new(Metrics::new(&config.repositories)), None);
    let needs_mirror = policies.as_ref().is_ok_and(|policies| needs_mirror(&config, policies));
    let mut wrong = 0;
    super::runtime()?.block_on(async {
        for (backend, database) in super::open(&config)?.iter() {
            let name = format!("backend {backend} ({})", config.backends[backend].label);
            let Checked { problems, installed } = check(database, needs_mirror).await.unwrap_or_else(|error| Checked {
                problems: vec![error.to_string()],
                installed: false,
            });
            for problem in &problems {
                writeln!(out, "wrong  {name}: {problem}")?;
            }
            if problems.is_empty() {
                let installation = if installed { "installed" } else { "not installed" };
                let repositories = config.repositories.len();
                writeln!(
                    out,
                    "ok     {name} with {repositories} repositories, Turnout is {installation}"
                )?;
            }
            wrong += problems.len();
        }
        anyhow::Ok(())
    })?;
    match policies {
        Ok(policies) => {
            for (world, version) in policies.in_force().versions.iter() {
                writeln!(
                    out,
                    "ok     policy {world}: {} {}, module {:.12}",
                    version.name, version.version, version.module
                )?;
            }
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

/// What is found of one backend.
struct Checked {
    problems: Vec<String>,
    installed: bool,
}

async fn check(database: &Database, needs_mirror: bool) -> Result<Checked, Error> {
    let mut problems = database.check().await?;
    let capture = database.check_capture().await?;
    let installed = capture.is_some();
    if !installed && needs_mirror {
        problems.push(format!(
            "the policies mirror repositories or write to new, and Turnout is not installed; run `turnout install {}`",
            database.backend()
        ));
    }
    // A repository that does not fit its table is captured as well as it can be.
    if problems.is_empty() {
        problems.extend(capture.unwrap_or_default());
    }
    Ok(Checked { problems, installed })
}

/// Whether the policies need an installation. Where they fail to say, a host will find out.
fn needs_mirror(config: &Config, policies: &Policies) -> bool {
    let needs = policies.in_force().needs_mirror(&config.repositories);
    needs.unwrap_or_default()
}
