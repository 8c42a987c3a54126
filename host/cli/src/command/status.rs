mod mirror;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use turnout_api::{AlertStatus, BackendStatus, ComparisonStatus, RowsStatus, Status, TaskStatus};
use turnout_policies::Version;

use super::running::{Running, understood};
use crate::arguments;
use crate::config::Config;

pub(crate) fn run(config: &Path, arguments: &arguments::Status) -> Result<()> {
    let config = Config::load(config)?;
    super::runtime()?.block_on(async {
        let answer = Running::of(&config)?.get("/v1/status").await?;
        let mut out = std::io::stdout().lock();
        if arguments.json {
            return Ok(writeln!(out, "{answer}")?);
        }
        Ok(show(&understood(&answer)?, &mut out)?)
    })
}

/// Prints a status for people.
fn show(status: &Status, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "turnout {}, up {}", status.version, seconds(status.uptime_seconds))?;
    writeln!(out, "epoch {}", status.epoch)?;
    for (world, version) in status.policies.iter() {
        show_policy(world, version, out)?;
    }
    for trial in &status.trials {
        write!(
            out,
            "  on trial    {}  module {:.12}  for {}",
            trial.world, trial.module, trial.scope
        )?;
        match trial.differences {
            0 => writeln!(out)?,
            differences => writeln!(out, ": {differences} answers differ, such as")?,
        }
        for example in &trial.examples {
            writeln!(
                out,
                "    {} of {}: stable {}, on trial {}",
                example.function, example.repository, example.stable, example.trial
            )?;
        }
    }
    if let Some(refused) = &status.refused {
        writeln!(out, "  refused     {refused}")?;
    }
    if let Some(reason) = &status.aside {
        writeln!(out, "  aside       {reason}")?;
    }
    if let Some(epoch) = status.old_directory {
        writeln!(
            out,
            "  directory   the policy directory holds epoch {epoch}'s set; it changes nothing until a file is saved there"
        )?;
    }
    if let Some(oldest) = status.leaving.first() {
        writeln!(out, "  handoff     under way from epoch {oldest}")?;
    }
    if let Some(reason) = &status.held_up_by {
        writeln!(out, "  held up     {reason}")?;
    }
    if let Some(frozen) = &status.frozen {
        writeln!(out, "  frozen      {}", super::freeze::in_words(frozen))?;
    }
    if let Some(forced) = status.forced {
        writeln!(
            out,
            "  forced      a failover made {forced} the authority of everything; a change of routing.toml ends it"
        )?;
    }
    show_restored(status, out)?;
    writeln!(out, "backends")?;
    for (backend, side) in status.backends.iter() {
        let BackendStatus {
            label,
            up,
            condition,
            p95_ms,
        } = side;
        let state = if *up { "up" } else { "down" };
        writeln!(out, "  {backend}  {state:<4}  p95 {p95_ms:.1} ms  {label}")?;
        if let Some(condition) = condition {
            writeln!(out, "       {condition}: refuses statements until this is fixed")?;
        }
    }
    writeln!(out, "repositories\n  {}", status.repositories.join(", "))?;
    if !status.converging.is_empty() {
        writeln!(out, "  still to be compared: {}", status.converging.join(", "))?;
    }
    if let Some(comparing) = &status.comparing {
        show_comparison(comparing, out)?;
    }
    for sequence in &status.sequences {
        writeln!(out, "  {sequence}")?;
    }
    for (source, mirror) in status.mirror.iter() {
        mirror::show(source, mirror.as_ref(), out)?;
    }
    show_failed_tasks(&status.tasks, out)?;
    show_alerts(&status.alerts, out)
}

fn show_alerts(alerts: &[AlertStatus], out: &mut impl Write) -> std::io::Result<()> {
    if !alerts.is_empty() {
        writeln!(out, "alerts")?;
    }
    for AlertStatus {
        at,
        severity,
        message,
        count,
        repository,
        backend,
        ..
    } in alerts
    {
        let at = humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + Duration::from_secs(*at));
        write!(out, "  {at}  {severity:<8}  ")?;
        if let (Some(repository), Some(backend)) = (repository, backend) {
            write!(out, "{repository} on {backend}: ")?;
        }
        let times = if *count > 1 {
            format!(" ({count} times)")
        } else {
            String::new()
        };
        writeln!(out, "{message}{times}")?;
    }
    Ok(())
}

/// Writes which policy decides in a world.
fn show_policy(world: &str, version: &Version, out: &mut impl Write) -> std::io::Result<()> {
    let Version {
        name,
        version,
        module,
        settings,
        built_in,
    } = version;
    let origin = if *built_in { "  module built in" } else { "" };
    writeln!(
        out,
        "  {world:<10}  {name} {version}  module {module:.12}  settings {settings:.12}{origin}"
    )
}

/// Writes which tasks of the host failed; nothing if none did.
fn show_failed_tasks(tasks: &[TaskStatus], out: &mut impl Write) -> std::io::Result<()> {
    let mut failed = tasks
        .iter()
        .filter_map(|task| Some((task, task.last_failure.as_ref()?)))
        .peekable();
    if failed.peek().is_some() {
        writeln!(out, "failed tasks")?;
    }
    for (task, failure) in failed {
        let state = if task.down > 0 { "down" } else { "up" };
        let (name, restarts, reason) = (&task.name, task.restarts, &failure.reason);
        writeln!(out, "  {name}  {state}  restarted {restarts} times; last {reason}")?;
    }
    Ok(())
}

/// Prints the progress of a comparison.
fn show_comparison(comparing: &ComparisonStatus, out: &mut impl Write) -> std::io::Result<()> {
    let ComparisonStatus { repository, sides } = comparing;
    let of = |side: &RowsStatus| format!("{} of about {} rows", side.rows, side.of_about);
    writeln!(
        out,
        "  being compared: {repository}: {} on old, {} on new",
        of(&sides.old),
        of(&sides.new)
    )
}

/// Prints which side was restored from the past, if one was.
fn show_restored(status: &Status, out: &mut impl Write) -> std::io::Result<()> {
    if let Some(restored) = &status.restored {
        writeln!(
            out,
            "  restored    backend {} was restored from the past ({}): nothing is mirrored and no authority moves until you say which \
             side's rows count, by `turnout rejoin old` or `turnout rejoin new`",
            restored.backend, restored.reason
        )?;
    }
    Ok(())
}

pub(super) fn seconds(seconds: u64) -> impl std::fmt::Display {
    humantime::format_duration(Duration::from_secs(seconds))
}
