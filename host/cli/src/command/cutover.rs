//! `turnout cutover` and `turnout rollback`: everyone or some subjects move to `new` and back, with what was before and what follows.

mod sample;
mod watch;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use turnout_api::{By, CutoverRequest, Moved, StageChange};
use turnout_backends::{Database, Evidence};
use turnout_readiness::Readiness;
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{Epoch, PerBackend};

use super::ready::{judge, report};
use super::running::{Running, understood, who};
use crate::arguments::{Cutover, Rollback};
use crate::config::Config;
use watch::Watch;

/// How long a host may take: to ask about every subject, and for the handoff.
const PATIENCE: Duration = Duration::from_mins(2);

/// The kind of the evidence.
const KIND: &str = "handoff";

pub(crate) fn run(path: &Path, arguments: &Cutover) -> ExitCode {
    exit(cut_over(path, arguments))
}

pub(crate) fn roll_back(path: &Path, arguments: &Rollback) -> ExitCode {
    exit(take_back(path, arguments).map(|()| true))
}

fn exit(well: Result<bool>) -> ExitCode {
    match well {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            crate::log::complain(&error);
            super::running::exit_status(&error)
        }
    }
}

/// Whether all went well.
fn cut_over(path: &Path, arguments: &Cutover) -> Result<bool> {
    let config = super::served::load(path)?;
    super::runtime()?.block_on(async {
        let sides = super::open(&config, &Supervisor::new())?;
        let host = Running::patient(&config, PATIENCE)?;
        let readiness = judge(&config, &sides).await?;
        let mut told = Told::new(arguments.json);
        told.readiness(&readiness)?;
        if arguments.whom.everyone && arguments.because.is_none() && !readiness.is_go() {
            told.line("nothing was done: to go on all the same, give a reason by --because")?;
            told.end()?;
            return Ok(false);
        }
        let before = sample::take(&host).await?;
        let request = CutoverRequest {
            everyone: arguments.whom.everyone,
            subjects: arguments.whom.phone.clone(),
            who: who(),
            because: arguments.because.clone(),
        };
        let moved: Moved = understood(&host.post("/v1/cutover", &request).await?)?;
        told.moved("cutover", &moved)?;
        let watch = Watch::follow(&host, before, arguments.watch).await;
        told.line(&watch.in_words())?;
        let is_well = watch.broken.is_empty();
        let back = if !is_well && arguments.auto_rollback {
            let by = By {
                who: who(),
                because: Some(watch.in_words()),
            };
            Some(understood::<Moved>(&host.post("/v1/rollback", &by).await?)?)
        } else {
            None
        };
        if let Some(back) = &back {
            told.moved("rollback", back)?;
        } else if !is_well {
            told.line("to go back: turnout rollback")?;
        }
        let kept = keep(
            &config,
            &sides,
            moved.evidence,
            &watch,
            back.as_ref().map(|back| back.epoch),
        )
        .await?;
        told.watched(&watch, kept)?;
        told.end()?;
        Ok(is_well)
    })
}

fn take_back(path: &Path, arguments: &Rollback) -> Result<()> {
    let config = Config::load(path)?;
    super::runtime()?.block_on(async {
        let by = By {
            who: who(),
            because: arguments.because.clone(),
        };
        let answer = Running::patient(&config, PATIENCE)?.post("/v1/rollback", &by).await?;
        let mut told = Told::new(arguments.json);
        told.moved("rollback", &understood(&answer)?)?;
        told.end()
    })
}

/// Keeps what was watched after a cutover as evidence; its number.
async fn keep(
    config: &Config,
    sides: &PerBackend<Database>,
    of: i64,
    watch: &Watch,
    rolled_back: Option<Epoch>,
) -> Result<i64> {
    let repositories: Vec<String> = config.repositories.iter().map(|one| one.name.clone()).collect();
    let result = json!({
        "step": "watched",
        "of": of,
        "seconds": watch.watched.as_secs(),
        "broken": watch.broken,
        "operations": watch.operations(),
        "errors": watch.errors(),
        "rolled_back": rolled_back,
    });
    let evidence = Evidence {
        kind: KIND,
        host: &super::machine(),
        version: env!("CARGO_PKG_VERSION"),
        epoch: sides.old.newest_epochs().await?.released,
        repositories: &repositories,
        result: &result.to_string(),
    };
    Ok(sides.new.add_evidence(&evidence).await?)
}

/// Tells what is done as it is done, or at the end as JSON.
struct Told {
    all: Option<Value>,
}

impl Told {
    fn new(json: bool) -> Self {
        Self {
            all: json.then(|| json!({})),
        }
    }

    fn note(&mut self, key: &str, value: Value) -> bool {
        let Some(all) = &mut self.all else { return false };
        all[key] = value;
        true
    }

    fn line(&mut self, text: &str) -> Result<()> {
        if self.all.is_none() {
            writeln!(std::io::stdout(), "{text}")?;
        }
        Ok(())
    }

    fn readiness(&mut self, readiness: &Readiness) -> Result<()> {
        let criteria = json!({ "go": readiness.is_go(), "criteria": readiness.criteria() });
        if self.note("ready", criteria) {
            return Ok(());
        }
        report::text(readiness, &mut std::io::stdout().lock())
    }

    fn moved(&mut self, key: &str, moved: &Moved) -> Result<()> {
        if self.note(key, serde_json::to_value(moved)?) {
            return Ok(());
        }
        let mut out = std::io::stdout().lock();
        for StageChange { place, before, after } in &moved.changes {
            let stage = |stage: &Option<String>| stage.clone().unwrap_or_else(|| "its own stage".to_owned());
            writeln!(out, "{place}: {} → {}", stage(before), stage(after))?;
        }
        let times = &moved.milliseconds;
        writeln!(
            out,
            "epoch {} is in force after {}: operations whose authority changed waited for at most {:.0} ms (fences {:.0}, drain {:.0}, \
             proof {:.0}, release {:.0}); before that the host asked about everybody for {:.0} ms (kept as evidence {} on new)",
            moved.epoch,
            moved.from_epoch,
            times.waited,
            times.fences,
            times.drain,
            times.proof,
            times.release,
            times.gate,
            moved.evidence
        )?;
        if let Some(reason) = &moved.unwritten {
            writeln!(
                out,
                "note: the policy directory of the host could not be written: {reason}"
            )?;
        }
        Ok(())
    }

    fn watched(&mut self, watch: &Watch, evidence: i64) -> Result<()> {
        let broken = json!({ "seconds": watch.watched.as_secs(), "broken": watch.broken, "evidence": evidence });
        self.note("watched", broken);
        self.line(&format!("what was watched is kept as evidence {evidence} on new"))
    }

    fn end(&mut self) -> Result<()> {
        if let Some(all) = &self.all {
            let text = serde_json::to_string_pretty(all).context("what was done can't be printed")?;
            writeln!(std::io::stdout(), "{text}")?;
        }
        Ok(())
    }
}
