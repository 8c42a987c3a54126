use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use turnout_backends::{Database, DirtyRange};
use turnout_policies::InForce;
use turnout_vocabulary::{Backend, PerBackend, Repository};

use crate::arguments::Backfill;
use crate::command::running::{Running, understood};
use crate::config::Config;

/// How often is looked how far the copy is.
const GLANCE: Duration = Duration::from_millis(500);

/// How often the command says so.
const REPORT: Duration = Duration::from_secs(2);

/// What the command needs of the status of a host.
#[derive(Deserialize)]
struct Status {
    converging: Vec<String>,
}

/// What a host keeps of a range that is done with.
#[derive(Deserialize)]
struct Kept {
    repositories: BTreeMap<String, GoneThrough>,
}

#[derive(Deserialize)]
struct GoneThrough {
    from: Backend,
    rows: u64,
    copied: u64,
    seconds: f64,
}

/// How far a repository is.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Progress {
    /// The side whose rows are copied; `None` where nothing had to be done.
    from: Option<Backend>,
    /// How many of its rows were gone through, and how many of them were copied. The others were equal, not mirrored, or mirrored one by one.
    rows: u64,
    copied: u64,
    seconds: f64,
    /// About how many rows there are.
    of_about: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Nothing mirrors the rows of nobody in particular.
    #[default]
    NotMirrored,
    UnderWay,
    Done,
}

/// Follows the copy until it is done. False if a repository is not mirrored, so that nothing copies it.
pub(super) async fn follow(
    config: &Config,
    sides: &PerBackend<Database>,
    chosen: &[Repository],
    in_force: &InForce,
    arguments: &Backfill,
) -> Result<bool> {
    let host = Running::of(config)?;
    let began = humantime::format_rfc3339(SystemTime::now()).to_string();
    let mut all: BTreeMap<&str, Progress> = BTreeMap::new();
    let mut told: Option<Instant> = None;
    loop {
        if let Some(load) = arguments.max_load {
            for (_, database) in sides.iter() {
                database.pace_ranges(load.as_percent()).await?;
            }
        }
        // A range may be done with and forgotten between these two questions, so the status comes last.
        let (old, new) = tokio::try_join!(sides.old.ranges(), sides.new.ranges())?;
        let status = host.get("/v1/status").await?;
        let Status { converging } = understood(&status)?;
        for repository in chosen {
            let copied = all.entry(&repository.name).or_default();
            for (backend, ranges) in [(Backend::Old, &old), (Backend::New, &new)] {
                let is_of = |range: &&DirtyRange| range.schema == repository.schema && range.table == repository.table;
                if let Some(range) = ranges.iter().find(is_of) {
                    if copied.of_about == 0 {
                        copied.of_about = sides[backend].row_estimate(repository).await?;
                    }
                    copied.from = Some(backend);
                    (copied.rows, copied.copied) = (range.rows, range.copied);
                    copied.seconds = range.took.as_secs_f64();
                }
            }
            copied.state = if converging.contains(&repository.name) {
                State::UnderWay
            } else if in_force.mirrored(repository.id, None).unwrap_or(false) {
                State::Done
            } else {
                State::NotMirrored
            };
        }
        if all.values().all(|copied| copied.state != State::UnderWay) {
            break;
        }
        if !arguments.json && told.is_none_or(|told| told.elapsed() >= REPORT) {
            told = Some(Instant::now());
            progress(&all);
        }
        tokio::time::sleep(GLANCE).await;
    }
    // A range that is done with is forgotten, and its evidence stays.
    for kept in sides.new.kept_evidence(&["backfill"], &began).await? {
        let Kept { repositories } = serde_json::from_str(kept.result.get()).context("the evidence can't be read")?;
        for (name, gone_through) in repositories {
            if let Some(copied) = all.get_mut(name.as_str()) {
                *copied = Progress {
                    from: Some(gone_through.from),
                    rows: gone_through.rows,
                    copied: gone_through.copied,
                    seconds: gone_through.seconds,
                    ..*copied
                };
            }
        }
    }
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
    } else {
        report(&all, &mut out)?;
    }
    Ok(all.values().all(|copied| copied.state == State::Done))
}

/// Says how far the copy is, on standard error.
#[expect(
    clippy::print_stderr,
    reason = "progress is for people, and standard output is for the result"
)]
fn progress(all: &BTreeMap<&str, Progress>) {
    for (name, copied) in all.iter().filter(|(_, copied)| copied.state == State::UnderWay) {
        eprintln!("{name}: {}", copied.so_far());
    }
}

fn report(all: &BTreeMap<&str, Progress>, out: &mut impl Write) -> Result<()> {
    for (name, copied) in all {
        match (copied.state, copied.from) {
            (State::NotMirrored, _) => writeln!(
                out,
                "{name}: nothing mirrors it for everybody, so nothing is copied: put it into `dualwrite` in policies/routing.toml"
            )?,
            (_, None) => writeln!(
                out,
                "{name}: both sides were compared before, and the mirror keeps them equal"
            )?,
            (_, Some(from)) => writeln!(
                out,
                "{name}: {} rows of {from} gone through in {:.1} s, {} of them copied; {:.0} rows a second",
                copied.rows,
                copied.seconds,
                copied.copied,
                copied.rate()
            )?,
        }
    }
    Ok(())
}

impl Progress {
    /// Rows a second.
    fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "numbers of rows, for people")]
        let rows = self.rows as f64;
        if self.seconds > 0.0 { rows / self.seconds } else { 0.0 }
    }

    fn so_far(&self) -> String {
        let Some(from) = self.from else {
            return "waits for a host to begin".to_owned();
        };
        let about = self.of_about.max(self.rows);
        let rate = self.rate();
        #[expect(clippy::cast_precision_loss, reason = "numbers of rows, for people")]
        let left = (about - self.rows) as f64;
        let time_left = if rate >= 1.0 {
            format!(", about {} left", in_words(left / rate))
        } else {
            String::new()
        };
        format!(
            "{} of about {about} rows of {from}, {rate:.0} rows a second{time_left}",
            self.rows
        )
    }
}

/// A time in words.
fn in_words(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time for people"
    )]
    let seconds = seconds.ceil() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
