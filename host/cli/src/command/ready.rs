//! `turnout ready`: judges whether authority may move to `new`, from what is on record.

pub(super) mod report;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use turnout_backends::Database;
use turnout_readiness::Readiness;
use turnout_supervisor::Supervisor;
use turnout_vocabulary::PerBackend;

use crate::arguments::Ready;
use crate::config::Config;

pub(crate) fn run(path: &Path, arguments: &Ready) -> ExitCode {
    match ready(path, arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            crate::log::complain(&error);
            ExitCode::from(2)
        }
    }
}

/// Prints the criteria; whether it is a go.
fn ready(path: &Path, arguments: &Ready) -> Result<bool> {
    let config = super::served::load_without_keys(path)?;
    let readiness = super::runtime()?.block_on(async {
        let sides = super::open(&config, &Supervisor::new())?;
        judge(&config, &sides).await
    })?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        report::json(&readiness, &mut out)?;
    } else {
        report::text(&readiness, &mut out)?;
    }
    Ok(readiness.is_go())
}

/// Judges all criteria as things stand.
pub(super) async fn judge(config: &Config, sides: &PerBackend<Database>) -> Result<Readiness> {
    super::check_installed(sides).await?;
    let in_force = super::recorded::in_force(config, sides).await?;
    let facts = turnout_handoff::facts(sides, &config.repositories, in_force.as_deref()).await?;
    Ok(Readiness::judge(&facts, &config.migration.promotion.rules))
}
