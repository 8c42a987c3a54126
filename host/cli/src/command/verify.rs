//! `turnout verify`: compares both sides whole and keeps what it proved.

mod proof;
mod report;
mod verification;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use turnout_backends::{Database, Evidence};
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository};

use crate::arguments::Verify;
use crate::config::Config;
use proof::{Proof, Verdict};
use verification::Verification;

/// What a verification is called where it is kept.
const COMMAND: &str = "verify";

pub(crate) fn run(path: &Path, arguments: &Verify) -> ExitCode {
    match verify(path, arguments) {
        Ok(Verdict::Equal) => ExitCode::SUCCESS,
        Ok(Verdict::Different) => ExitCode::from(1),
        Ok(Verdict::Unknown) => ExitCode::from(2),
        Err(error) => {
            crate::log::complain(&error);
            ExitCode::from(2)
        }
    }
}

fn verify(path: &Path, arguments: &Verify) -> Result<Verdict> {
    let config = Config::load(path)?;
    super::runtime()?.block_on(async {
        let supervisor = Supervisor::new();
        let sides = super::open(&config, &supervisor)?;
        for (backend, database) in sides.iter() {
            if !database.schema().await?.installed {
                bail!("backend {backend} has no installation: run `turnout install {backend}`");
            }
        }
        let chosen = chosen(&config.repositories, &arguments.repository)?;
        let mut verification = Verification::resumed(&sides.new, &chosen, arguments).await?;
        tokio::select! {
            done = verification.run(&sides, &chosen, arguments) => done?,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.context("cannot wait for Ctrl-C")?;
                bail!("interrupted: run the same command again within a day, and it goes on where it was");
            }
        }
        let proofs = verification.proofs();
        let number = keep(&sides, &chosen, proofs).await?;
        sides.new.keep_unfinished(COMMAND, None).await?;
        let mut out = std::io::stdout().lock();
        if arguments.json {
            report::json(proofs, number, &mut out)?;
        } else {
            report::text(proofs, number, &mut out)?;
        }
        Ok(Verdict::of_all(proofs))
    })
}

/// The repositories of these names; all if there are none.
fn chosen(served: &Arc<[Repository]>, names: &[String]) -> Result<Vec<Repository>> {
    for name in names {
        if !served.iter().any(|repository| repository.name == *name) {
            let all: Vec<&str> = served.iter().map(|repository| repository.name.as_str()).collect();
            bail!("no repository is called {name}; there are {}", all.join(", "));
        }
    }
    let is_chosen = |repository: &&Repository| names.is_empty() || names.contains(&repository.name);
    Ok(served.iter().filter(is_chosen).cloned().collect())
}

/// Keeps what was proved as evidence; its number.
async fn keep(sides: &PerBackend<Database>, chosen: &[Repository], proofs: &[Proof]) -> Result<i64> {
    let repositories: Vec<String> = chosen.iter().map(|repository| repository.name.clone()).collect();
    let host = nix::unistd::gethostname().map_or_else(|_| String::new(), |name| name.to_string_lossy().into_owned());
    let evidence = Evidence {
        kind: COMMAND,
        host: &host,
        version: env!("CARGO_PKG_VERSION"),
        epoch: epoch(sides).await?,
        repositories: &repositories,
        result: &serde_json::to_string(proofs)?,
    };
    Ok(sides.new.add_evidence(&evidence).await?)
}

/// The epoch in force; `None` before the first.
async fn epoch(sides: &PerBackend<Database>) -> Result<Option<Epoch>> {
    let newest = sides[Backend::Old].newest_epochs().await?;
    Ok(newest.released)
}
