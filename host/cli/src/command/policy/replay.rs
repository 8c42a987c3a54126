mod against;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use turnout_api::{ChangedDecision, ReplayedCohort};

use super::ship;
use crate::command::running::{Running, understood};
use crate::config::Config;

#[derive(Args)]
pub(crate) struct Replay {
    /// The module or component
    file: PathBuf,
    /// Its settings; without this those in force at the running host, and none with --against
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// A recording, as `turnout policy recording` writes it; without this the running host's own
    #[arg(long, value_name = "RECORDING")]
    against: Option<PathBuf>,
}

pub(crate) fn run(config: &Path, arguments: &Replay) -> Result<()> {
    let Replay {
        file,
        settings,
        against,
    } = arguments;
    let settings = settings.as_deref();
    let mut out = io::stdout().lock();
    if let Some(recording) = against {
        let (replay, by_hash) = against::replay(config, file, settings, recording)?;
        show(&replay.into(), &mut out)?;
        return Ok(by_hash.show(&mut out)?);
    }
    let (world, request) = ship::version(file, settings)?;
    let config = Config::load(config)?;
    crate::command::runtime()?.block_on(async {
        let path = format!("/v1/policies/{world}/replay");
        let answer = Running::of(&config)?.post(&path, &request).await?;
        Ok(show(&understood(&answer)?, &mut out)?)
    })
}

/// Prints the running host's recording.
pub(crate) fn export(config: &Path) -> Result<()> {
    let config = Config::load(config)?;
    crate::command::runtime()?.block_on(async {
        let recording = Running::of(&config)?.get("/v1/recording").await?;
        Ok(io::stdout().lock().write_all(recording.as_bytes())?)
    })
}

fn show(replay: &turnout_api::Replay, out: &mut impl Write) -> io::Result<()> {
    let changed = match replay.changed {
        0 => "none".to_owned(),
        changed => changed.to_string(),
    };
    writeln!(
        out,
        "{}, {changed} decided otherwise",
        counted(replay.operations, "recorded operation")
    )?;
    for cohort in &replay.cohorts {
        show_cohort(cohort, out)?;
    }
    match &replay.obstacle {
        Some(obstacle) => writeln!(
            out,
            "as things stand, it could not come into force for everybody: {obstacle}"
        ),
        None => Ok(()),
    }
}

fn show_cohort(cohort: &ReplayedCohort, out: &mut impl Write) -> io::Result<()> {
    let ReplayedCohort {
        stage,
        repository,
        operations,
        subjects,
        changed,
        changes,
    } = cohort;
    let (operations, subjects) = (counted(*operations, "operation"), counted(*subjects, "subject"));
    writeln!(
        out,
        "at {stage}, {repository}: {operations} of {subjects}, {changed} decided otherwise"
    )?;
    for change in changes {
        let ChangedDecision {
            function,
            now,
            then,
            actions,
            operations,
            subjects,
            examples,
        } = change;
        let actions = actions.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let (operations, subjects) = (counted(*operations, "operation"), counted(*subjects, "subject"));
        let examples = match &examples[..] {
            [] => String::new(),
            examples => format!(", such as {}", examples.join(", ")),
        };
        writeln!(
            out,
            "  {function}: {now} → {then}  ({actions}: {operations} of {subjects}{examples})"
        )?;
    }
    Ok(())
}

fn counted(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}"),
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
