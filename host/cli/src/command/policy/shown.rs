//! What is on record of epochs, for people.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use turnout_api::{ShownEpoch, ShownVersion, VersionDiff};
use turnout_policies::PerWorld;
use turnout_runtime::escaped;

use crate::command::running::{Running, understood};
use crate::config::Config;

#[derive(Args)]
pub(crate) struct Show {
    /// The epoch, as `turnout policy list` shows it
    epoch: u64,
}

#[derive(Args)]
pub(crate) struct Diff {
    /// The epoch before
    before: u64,
    /// The epoch after
    after: u64,
}

pub(super) fn show(config: &Path, Show { epoch }: &Show) -> Result<()> {
    let answer = ask(config, &format!("/v1/policies/{epoch}"))?;
    Ok(write_epoch(&understood(&answer)?, &mut io::stdout().lock())?)
}

pub(super) fn diff(config: &Path, Diff { before, after }: &Diff) -> Result<()> {
    let answer = ask(config, &format!("/v1/policies/{before}/diff/{after}"))?;
    let differing: PerWorld<VersionDiff> = understood(&answer)?;
    let mut out = io::stdout().lock();
    for (world, diff) in differing.iter() {
        write_diff(world, [*before, *after], diff, &mut out)?;
    }
    Ok(())
}

fn ask(config: &Path, path: &str) -> Result<String> {
    let config = Config::load(config)?;
    crate::command::runtime()?.block_on(async { Running::of(&config)?.get(path).await })
}

fn write_epoch(shown: &ShownEpoch, out: &mut impl Write) -> io::Result<()> {
    let age = humantime::format_duration(Duration::from_secs_f64(shown.age_seconds.max(0.0).round()));
    writeln!(out, "epoch {}  {age} ago", shown.epoch)?;
    for (world, version) in shown.worlds.iter() {
        let ShownVersion {
            module,
            name,
            version,
            settings,
            by,
            trial,
        } = version;
        let name = match (name, version) {
            (Some(name), Some(version)) => format!("{name} {version}"),
            _ => "a module that cannot be asked for its name".to_owned(),
        };
        writeln!(out, "\n{world}  {name}\n  module   {module}")?;
        writeln!(out, "  shipped  {} {}", escaped(&by.from), escaped(&by.who))?;
        write_settings("settings", settings, out)?;
        if let Some(trial) = trial {
            writeln!(out, "  on trial for {}\n  module   {}", trial.scope, trial.module)?;
            write_settings("settings on trial", &trial.settings, out)?;
        }
    }
    Ok(())
}

fn write_settings(label: &str, settings: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "  {label}")?;
    settings
        .lines()
        .try_for_each(|line| writeln!(out, "    {}", escaped(line)))
}

fn write_diff(world: &str, epochs: [u64; 2], diff: &VersionDiff, out: &mut impl Write) -> io::Result<()> {
    let [before, after] = epochs;
    let VersionDiff {
        modules,
        settings,
        trials,
        trial_settings,
    } = diff;
    if modules[0] != modules[1] {
        writeln!(out, "{world} module\n-{}\n+{}", modules[0], modules[1])?;
    }
    if trials[0] != trials[1] {
        let [before, after] = trials.each_ref().map(|module| module.as_deref().unwrap_or("none"));
        writeln!(out, "{world} module on trial\n-{before}\n+{after}")?;
    }
    for (label, diff) in [("", settings), (" on trial", trial_settings)] {
        if !diff.is_empty() {
            writeln!(
                out,
                "--- {world}.toml{label}, epoch {before}\n+++ {world}.toml{label}, epoch {after}"
            )?;
            diff.lines().try_for_each(|line| writeln!(out, "{}", escaped(line)))?;
        }
    }
    Ok(())
}
