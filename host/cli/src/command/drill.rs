//! `turnout drill`: rehearses the rollback on a cohort, there and back.

mod cohort;
mod criteria;
mod report;
mod rows;
mod traffic;
mod way;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use turnout_api::{Audience, Push};
use turnout_supervisor::Supervisor;
use turnout_vocabulary::Backend;

use super::evidence;
use super::running::Running;
use crate::arguments::Drill;
use cohort::Cohort;
use criteria::Outcome;
use rows::CohortRows;
use traffic::Traffic;

/// What a drill is called where it is kept, and who it says it is to the host.
const KIND: &str = "drill";
const WHO: &str = "turnout drill";

/// How long both sides may take to become equal after the way back.
const SETTLED: Duration = Duration::from_secs(10);

pub(crate) fn run(path: &Path, arguments: &Drill) -> ExitCode {
    match drill(path, arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            crate::log::complain(&error);
            ExitCode::from(2)
        }
    }
}

/// Rehearses, and keeps and shows what came out; whether the drill passed.
fn drill(path: &Path, arguments: &Drill) -> Result<bool> {
    let config = super::served::load(path)?;
    super::runtime()?.block_on(async {
        let sides = super::open(&config, &Supervisor::new())?;
        super::check_installed(&sides).await?;
        let host = Arc::new(Running::patient(&config, arguments.within + SETTLED)?);
        let before = way::in_force(&host).await?;
        ensure!(
            before.worlds.iter().all(|(_, version)| version.trial.is_none()),
            "a version of a policy is on trial, and the drill would end that: promote or withdraw it first"
        );
        let cohort = Cohort::of(
            &before.worlds.routing.settings,
            arguments.phone.as_deref(),
            &config.subjects,
        )?;
        let rows = CohortRows::find(&sides, &config.repositories, &cohort).await?;
        ensure!(
            !rows.is_empty(),
            "neither side has a row of the cohort; name a phone that has rows by --phone, spelled as they spell it"
        );
        let queries = rows.queries();
        let from = traffic::authority(&host, &queries[0]).await?;
        let stage = match from {
            Backend::Old => "live",
            Backend::New => "shadow",
        };
        let push = Push {
            settings: Some(cohort.settings_at(stage)?),
            audience: Audience::Subjects(vec![cohort.written.clone()]),
            who: WHO.to_owned(),
            ..Push::default()
        };
        // If standard error is closed, nobody reads.
        let _ = writeln!(
            std::io::stderr(),
            "moving the subject from {from} to {} and back, while its rows are read",
            from.other()
        );
        let traffic = Traffic::start(&host, queries, arguments.load);
        let ways = way::there_and_back(&host, &push, &traffic).await;
        let operations = traffic.stop().await;
        let ways = ways?;
        let different = rows.different(&sides, SETTLED).await?;
        let after = way::in_force(&host).await?;
        let outcome = Outcome::of(&criteria::Found {
            from,
            ways: &ways,
            operations: &operations,
            different: &different,
            restored: way::is_same_set(&before, &after),
            within: arguments.within,
        });
        let number = evidence::keep(&sides, KIND, &rows.repositories(), &outcome).await?;
        let mut out = std::io::stdout().lock();
        if arguments.json {
            report::json(&outcome, number, &mut out)?;
        } else {
            report::text(&outcome, number, &mut out)?;
        }
        Ok(outcome.passed)
    })
}
