//! `turnout preflight`: names everything that would break the migration, and what mends it.

mod report;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use turnout_backends::{Database, Evidence, Settings};
use turnout_preflight::{Finding, Report, Severity};
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{PerBackend, Repository};

use crate::arguments::Preflight;
use crate::config::Config;

/// What a preflight is called where it is kept.
const COMMAND: &str = "preflight";

/// How long one question may take: some read whole tables.
const PATIENCE: Duration = Duration::from_hours(1);

pub(crate) fn run(path: &Path, arguments: &Preflight) -> ExitCode {
    match preflight(path, arguments) {
        Ok(findings) if findings.iter().any(|finding| finding.severity == Severity::Blocks) => ExitCode::from(1),
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            crate::log::complain(&error);
            ExitCode::from(2)
        }
    }
}

fn preflight(path: &Path, arguments: &Preflight) -> Result<Vec<Finding>> {
    let config = super::served::load_without_keys(path)?;
    let chosen = super::chosen(&config.repositories, &arguments.repository)?;
    super::runtime()?.block_on(async {
        let sides = open(&config, &chosen, &Supervisor::new())?;
        let connections = config.backends.as_ref().map(|backend| backend.settings.connections());
        let report = turnout_preflight::preflight(&sides, &chosen, connections).await?;
        let evidence = keep(&sides, &chosen, &report).await?;
        let mut out = std::io::stdout().lock();
        if arguments.json {
            report::json(&report, evidence, &mut out)?;
        } else {
            report::text(&report, evidence, &mut out)?;
        }
        Ok(report.findings)
    })
}

/// Opens both databases for questions that take their time.
pub(super) fn open(config: &Config, chosen: &[Repository], supervisor: &Supervisor) -> Result<PerBackend<Database>> {
    let repositories: Arc<[Repository]> = chosen.into();
    let database = |backend| {
        let settings = Settings {
            exposed_schemas: config.exposed.clone(),
            statement_timeout: PATIENCE,
            ..config.backends[backend].settings.clone()
        };
        Database::open(backend, settings, Arc::clone(&repositories), supervisor)
    };
    Ok(PerBackend {
        old: database(turnout_vocabulary::Backend::Old)?,
        new: database(turnout_vocabulary::Backend::New)?,
    })
}

/// Keeps the findings as evidence, if there is an installation to keep them in; the number of that.
async fn keep(sides: &PerBackend<Database>, chosen: &[Repository], report: &Report) -> Result<Option<i64>> {
    if !sides.new.schema().await?.installed {
        return Ok(None);
    }
    let epoch = if sides.old.schema().await?.installed {
        sides.old.newest_epochs().await?.released
    } else {
        None
    };
    let repositories: Vec<String> = chosen.iter().map(|repository| repository.name.clone()).collect();
    let evidence = Evidence {
        kind: COMMAND,
        host: &super::machine(),
        version: env!("CARGO_PKG_VERSION"),
        epoch,
        repositories: &repositories,
        result: &report::without_keys(report)?,
    };
    Ok(Some(sides.new.add_evidence(&evidence).await?))
}
