//! `turnout reconcile`: makes both sides equal again.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use turnout_compare::{Load, Options, Progress, Reconciled, Sample, reconcile};
use turnout_comparisons::{ByPolicy, Everything};
use turnout_supervisor::Supervisor;

use crate::arguments::Reconcile;

/// How both sides are compared.
const OPTIONS: Options = Options {
    sample: Sample::ALL,
    load: Load::FULL,
    patience: Duration::from_secs(10),
};

/// How long rows that are being repaired are followed.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) fn run(path: &Path, arguments: &Reconcile) -> Result<()> {
    let config = super::served::load(path)?;
    super::runtime()?.block_on(async {
        let supervisor = Supervisor::new();
        let sides = super::open(&config, &supervisor)?;
        super::check_installed(&sides).await?;
        let in_force = super::recorded::in_force(&config, &sides).await?;
        let in_force =
            in_force.context("no policies are on record yet, so no row has an authority: start a host first")?;
        let epoch = in_force.epoch;
        let policy = ByPolicy::of(in_force, config.subjects.clone(), &sides, &config.repositories).await?;
        let mut out = std::io::stdout().lock();
        let mut left = 0;
        for repository in super::chosen(&config.repositories, &arguments.repository)? {
            let progress = Progress::default();
            let everything = Everything(&policy);
            let done = reconcile(
                &sides,
                &repository,
                (epoch, OPTIONS),
                (&policy, &everything),
                &progress,
                arguments.dry_run,
                PATIENCE,
            );
            let done = done
                .await
                .with_context(|| format!("{} can't be compared", repository.name))?;
            tell(&repository.name, &done, arguments.dry_run, &mut out)?;
            left += done.different - done.repaired;
        }
        if left > 0 && !arguments.dry_run {
            bail!("{left} rows still differ: `turnout divergence list` names them");
        }
        Ok(())
    })
}

fn tell(repository: &str, done: &Reconciled, rehearsed: bool, out: &mut impl Write) -> Result<()> {
    let Reconciled {
        different,
        marked,
        repaired,
        parked,
        waiting,
        ..
    } = done;
    if *different == 0 {
        return Ok(writeln!(out, "{repository}: equal")?);
    }
    if rehearsed {
        return Ok(writeln!(
            out,
            "{repository}: {different} rows differ, of which {marked} would be mirrored again"
        )?);
    }
    writeln!(
        out,
        "{repository}: {different} rows differed, {marked} were mirrored again, {repaired} are equal now"
    )?;
    if different > marked {
        let left = different - marked;
        writeln!(out, "  {left} rows are not mirrored in the stage that they are in")?;
    }
    for (key, reason) in parked {
        writeln!(out, "  {key} is parked: {reason}")?;
    }
    if *waiting > 0 {
        writeln!(out, "  {waiting} rows still wait to be mirrored: does a host run?")?;
    }
    Ok(())
}
