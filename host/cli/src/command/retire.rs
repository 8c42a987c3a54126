//! `turnout retire old`: ends the migration, and takes Turnout away from the database that the application has left.

mod checks;
mod outcome;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::time::sleep;
use turnout_api::{Activated, Push};
use turnout_backends::Database;
use turnout_supervisor::Supervisor;
use turnout_vocabulary::PerBackend;

use super::evidence;
use super::running::{Running, understood};
use crate::arguments::{Retire, RetireAction, RetireOld};
use crate::config::Config;
use outcome::{Outcome, Step};

/// What a retirement is called where it is kept, and who it says it is to the host.
const KIND: &str = "retire";
const WHO: &str = "turnout retire";

/// The routing settings of the end.
const COMPLETE: &str =
    "# The application has moved: `turnout retire old` brought these settings.\n[default]\nstage = \"complete\"\n";

/// How long the host may take to bring them into force, and to set the sequences back.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) fn run(
    path: &Path,
    Retire {
        action: RetireAction::Old(arguments),
    }: &Retire,
) -> ExitCode {
    match retire(path, arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            crate::log::complain(&error);
            ExitCode::from(2)
        }
    }
}

/// Goes as far as it can, and tells how far that is; whether nothing is in the way.
fn retire(path: &Path, arguments: &RetireOld) -> Result<bool> {
    let config = super::served::load(path)?;
    super::runtime()?.block_on(async {
        let sides = super::open(&config, &Supervisor::new())?;
        let outcome = if sides.old.schema().await?.installed {
            super::check_installed(&sides).await?;
            steps(&sides, &config, arguments).await?
        } else {
            Outcome::at(Step::Retired)
        };
        let mut out = std::io::stdout().lock();
        if arguments.json {
            outcome.json(&mut out)?;
        } else {
            outcome.text(&mut out)?;
        }
        Ok(outcome.is_good())
    })
}

async fn steps(sides: &PerBackend<Database>, config: &Config, arguments: &RetireOld) -> Result<Outcome> {
    let mut outcome = Outcome::at(Step::Checked);
    if !is_complete(sides).await? {
        outcome.checks = checks::before_complete(sides, config).await?;
        if !arguments.execute || !outcome.is_good() {
            return Ok(outcome);
        }
        complete(sides, config).await?;
    }
    outcome.step = Step::Complete;
    outcome.checks.extend(checks::before_removal(sides).await?);
    if !outcome.is_good() {
        return Ok(outcome);
    }
    if !arguments.execute {
        outcome.remarks = sides.old.uninstall(true).await?;
        return Ok(outcome);
    }
    let repositories: Vec<String> = config.repositories.iter().map(|served| served.name.clone()).collect();
    outcome.step = Step::Retired;
    outcome.evidence = Some(evidence::keep(sides, KIND, &repositories, &outcome.proof()).await?);
    let report = turnout_report::Report::of(&super::report::kept(&sides.new, config, None).await?);
    super::report::write(&arguments.output, &turnout_report::page(&report))?;
    outcome.remarks = sides.old.uninstall(false).await?;
    outcome
        .remarks
        .push(format!("the last report is {}", arguments.output.display()));
    Ok(outcome)
}

/// Whether the settings in force are those of the end.
async fn is_complete(sides: &PerBackend<Database>) -> Result<bool> {
    let recorded = turnout_handoff::recorded_set(sides).await?;
    let recorded = recorded.context("nothing is on record: no host ever served with this configuration")?;
    let routing = &recorded.routing;
    Ok(routing.settings.content == COMPLETE.as_bytes() && routing.trial.is_none())
}

/// Has the running host bring everybody to `complete`, and waits until `new` numbers its rows alone.
async fn complete(sides: &PerBackend<Database>, config: &Config) -> Result<()> {
    let host = Running::patient(config, PATIENCE)?;
    let push = Push {
        settings: Some(COMPLETE.to_owned()),
        who: WHO.to_owned(),
        ..Push::default()
    };
    let answer = host.put("/v1/policies/routing", &push).await;
    let _: Activated =
        understood(&answer.context("not everybody could be brought to `complete`; nothing was removed")?)?;
    let began = Instant::now();
    while checks::sequences_apart(&sides.new).await? > 0 {
        ensure!(
            began.elapsed() < PATIENCE,
            "everybody is `complete`, but sequences of new still count in steps of two: see `turnout status`"
        );
        sleep(PAUSE).await;
    }
    Ok(())
}
