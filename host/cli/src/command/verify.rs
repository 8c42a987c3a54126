//! `turnout verify`: compares both sides whole and keeps what it proved.

mod proof;
mod report;
mod verification;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use turnout_backends::{Database, Evidence};
use turnout_compare::{ByText, Equality};
use turnout_comparisons::ByPolicy;
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository};

use crate::arguments::Verify;
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
    let config = super::served::load(path)?;
    super::runtime()?.block_on(async {
        let supervisor = Supervisor::new();
        let sides = super::open(&config, &supervisor)?;
        super::check_installed(&sides).await?;
        let chosen = super::chosen(&config.repositories, &arguments.repository)?;
        let equality: Box<dyn Equality> = match super::recorded::in_force(&config, &sides).await? {
            Some(policies) => {
                let policy = ByPolicy::of(policies, config.subjects.clone(), &sides, &config.repositories);
                Box::new(policy.await?)
            }
            None => Box::new(ByText),
        };
        let mut verification = Verification::resumed(&sides.new, &chosen, arguments).await?;
        tokio::select! {
            done = verification.run(&sides, &chosen, arguments, &*equality) => done?,
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

/// Keeps what was proved as evidence; its number.
async fn keep(sides: &PerBackend<Database>, chosen: &[Repository], proofs: &[Proof]) -> Result<i64> {
    let repositories: Vec<String> = chosen.iter().map(|repository| repository.name.clone()).collect();
    let evidence = Evidence {
        kind: COMMAND,
        host: &super::machine(),
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
