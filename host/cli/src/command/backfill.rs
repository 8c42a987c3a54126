//! `turnout backfill`: follows the copy of what one side lacks, while writes go on.

mod following;
mod rehearsal;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use turnout_supervisor::Supervisor;

use crate::arguments::Backfill;

pub(crate) fn run(path: &Path, arguments: &Backfill) -> ExitCode {
    match backfill(path, arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            crate::log::complain(&error);
            ExitCode::from(2)
        }
    }
}

fn backfill(path: &Path, arguments: &Backfill) -> Result<bool> {
    let config = super::served::load(path)?;
    super::runtime()?.block_on(async {
        let supervisor = Supervisor::new();
        let sides = super::open(&config, &supervisor)?;
        super::check_installed(&sides).await?;
        let chosen = super::chosen(&config.repositories, &arguments.repository)?;
        if arguments.dry_run {
            return rehearsal::rehearse(&sides, &chosen, arguments.json).await;
        }
        let in_force = super::recorded::in_force(&config, &sides).await?;
        let in_force = in_force.context("no policies are on record yet, so nothing is mirrored: start a host first")?;
        tokio::select! {
            done = following::follow(&config, &sides, &chosen, &in_force, arguments) => done,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.context("cannot wait for Ctrl-C")?;
                bail!("interrupted: the hosts go on with the copy; run the same command again to follow it");
            }
        }
    })
}
