//! `turnout report`: the parallel run, as one HTML page or as JSON.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use turnout_backends::Database;
use turnout_report::Data;
use turnout_supervisor::Supervisor;
use turnout_vocabulary::PerBackend;

use crate::arguments::Report;
use crate::config::Config;

/// How many points a plot has at most: more could not be told apart.
const POINTS: i64 = 240;

/// How far a report goes back where no minute is kept.
const WITHOUT_MINUTES: i64 = 24 * 60 * 60;

pub(crate) fn run(path: &Path, arguments: &Report) -> ExitCode {
    match report(path, arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::log::complain(&error);
            ExitCode::from(2)
        }
    }
}

fn report(path: &Path, arguments: &Report) -> Result<()> {
    let config = super::served::load_without_tables(path)?;
    super::runtime()?.block_on(async {
        let sides = super::open(&config, &Supervisor::new())?;
        ensure!(
            sides.new.schema().await?.installed,
            "backend new has no installation, so nothing was kept there: run `turnout install new`"
        );
        let report = turnout_report::Report::of(&kept(&sides.new, &config, arguments.since).await?);
        let text = if arguments.json {
            serde_json::to_string_pretty(&report)? + "\n"
        } else {
            turnout_report::page(&report)
        };
        match &arguments.output {
            Some(output) => write(output, &text),
            None => Ok(std::io::stdout().lock().write_all(text.as_bytes())?),
        }
    })
}

/// Writes a report to a file.
pub(super) fn write(output: &PathBuf, text: &str) -> Result<()> {
    std::fs::write(output, text).with_context(|| format!("{} cannot be written", output.display()))
}

/// What `new` has kept from a moment on, or over the whole time.
pub(super) async fn kept(new: &Database, config: &Config, since: Option<SystemTime>) -> Result<Data> {
    let until = unix(SystemTime::now());
    let given = since.map(unix);
    let since = match given {
        Some(since) => since,
        None => new.first_minute().await?.unwrap_or(until - WITHOUT_MINUTES),
    };
    let step = step(until - since);
    let evidence_since = match given {
        Some(since) => {
            humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(since.unsigned_abs())).to_string()
        }
        None => "-infinity".to_owned(),
    };
    Ok(Data {
        since,
        until,
        step,
        labels: PerBackend::from_fn(|backend| config.backends[backend].label.clone()),
        minutes: new.minutes_since(since, step).await?,
        operations: new.minutes_by_operation(since).await?,
        alerts: new.alerts_since(since, step).await?,
        handoffs: new.handoffs_since(since).await?,
        evidence: new.kept_evidence(&[], &evidence_since).await?,
    })
}

/// How many seconds a point sums up, whole minutes, for a report of so many seconds.
fn step(seconds: i64) -> i32 {
    let minutes = (seconds / 60 + POINTS - 1) / POINTS;
    i32::try_from(minutes.max(1) * 60).unwrap_or(i32::MAX)
}

fn unix(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Reads a moment: a time such as `2026-01-31T12:00:00Z`, or how long ago it was, such as `48h`.
pub(crate) fn moment(text: &str) -> Result<SystemTime> {
    if let Ok(time) = humantime::parse_rfc3339_weak(text) {
        return Ok(time);
    }
    let ago = humantime::parse_duration(text).ok();
    match ago.and_then(|ago| SystemTime::now().checked_sub(ago)) {
        Some(time) => Ok(time),
        None => bail!("must be a time such as 2026-01-31T12:00:00Z, or how long ago such as 48h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_whole_minutes_and_not_too_many() {
        assert_eq!(
            [0, 3600, 240 * 60, 241 * 60, 30 * 86_400].map(step),
            [60, 60, 60, 120, 10_800]
        );
    }

    #[test]
    fn moments_are_times_or_ages() {
        assert_eq!(
            moment("1970-01-01T00:01:00Z").ok(),
            Some(UNIX_EPOCH + Duration::from_mins(1))
        );
        assert!(moment("48h").is_ok_and(|time| time < SystemTime::now()));
        assert!(moment("yesterday").is_err());
    }
}
