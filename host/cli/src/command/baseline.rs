//! `turnout baseline`: measures the same operations on both databases, and says what became slower.

mod recorded;
mod report;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use turnout_backends::{Database, KeptEvidence};
use turnout_baseline::{Change, LeftOut};
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{Epoch, PerBackend, Repository, RepositoryId};

use super::evidence;
use crate::arguments::{Baseline, BaselineAction, BaselineCompare};

/// What a baseline is called where it is kept.
const KIND: &str = "baseline";

pub(crate) fn run(path: &Path, arguments: &Baseline) -> ExitCode {
    let slower = match &arguments.action {
        Some(BaselineAction::Compare(arguments)) => compare(path, arguments),
        None => measure(path, arguments),
    };
    match slower {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(1),
        Err(error) => {
            crate::log::complain(&error);
            ExitCode::from(2)
        }
    }
}

/// Measures, keeps and shows a baseline; whether something is slower on `new`.
fn measure(path: &Path, arguments: &Baseline) -> Result<bool> {
    let mut config = super::served::load(path)?;
    let served = std::mem::take(&mut config.repositories);
    let scratch = Database::scratch(RepositoryId(u16::try_from(served.len())?));
    config.repositories = served.iter().chain([&scratch]).cloned().collect();
    super::runtime()?.block_on(async {
        let sides = super::open(&config, &Supervisor::new())?;
        super::check_installed(&sides).await?;
        let recorded = recorded::reads(&config).await;
        for (_, database) in sides.iter() {
            database.make_scratch().await?;
            database.refresh_schema().await?;
        }
        let measured = tokio::select! {
            measured = measured(&sides, &served, &scratch, recorded, arguments.samples) => measured,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.context("cannot wait for Ctrl-C").and_then(|()| bail!("interrupted: nothing was kept"))
            }
        };
        for (_, database) in sides.iter() {
            let dropped = database.drop_scratch().await;
            dropped.context("the scratch table is left; the next `turnout baseline` removes it")?;
        }
        let baseline = measured?;
        let repositories: Vec<String> = served.iter().map(|repository| repository.name.clone()).collect();
        let number = evidence::keep(&sides, KIND, &repositories, &baseline).await?;
        let is_slower = !baseline.slower.is_empty();
        let mut out = std::io::stdout().lock();
        if arguments.json {
            report::json(baseline, number, &mut out)?;
        } else {
            report::text(&baseline, number, &mut out)?;
        }
        Ok(is_slower)
    })
}

async fn measured(
    sides: &PerBackend<Database>,
    served: &[Repository],
    scratch: &Repository,
    recorded: recorded::Reads,
    samples: u32,
) -> Result<turnout_baseline::Baseline> {
    let epoch = sides.old.newest_epochs().await?.released.unwrap_or(Epoch::new(0));
    let mut chosen = turnout_baseline::choose(&sides.old, served, scratch, &recorded.most_frequent).await?;
    chosen.left_out.extend(recorded.missing.map(|reason| LeftOut {
        name: "recorded operations".to_owned(),
        reason,
    }));
    let bar = ProgressBar::new(samples.into());
    if let Ok(style) = ProgressStyle::with_template("measuring {wide_bar} round {pos} of {len}, {eta} left") {
        bar.set_style(style);
    }
    let measured = turnout_baseline::measure(sides, chosen, samples, epoch, |done| bar.set_position(done.into())).await;
    bar.finish_and_clear();
    measured.context("the measurement was cut short; if authority moved meanwhile, run it again")
}

/// Compares the newest baseline with an earlier one; whether something became slower.
fn compare(path: &Path, arguments: &BaselineCompare) -> Result<bool> {
    let config = super::served::load(path)?;
    super::runtime()?.block_on(async {
        let sides = super::open(&config, &Supervisor::new())?;
        super::check_installed(&sides).await?;
        let kept = sides.new.kept_evidence(&[KIND], "-infinity").await?;
        let earlier = match arguments.with {
            Some(number) => kept.iter().find(|kept| kept.number == number),
            None => kept.first(),
        };
        let (Some(earlier), Some(later)) = (earlier, kept.last()) else {
            bail!("there is no such baseline on new; `turnout baseline` makes one");
        };
        if earlier.number == later.number {
            bail!(
                "evidence {} is the newest baseline itself; run `turnout baseline` once more, and compare then",
                later.number
            );
        }
        let changes = turnout_baseline::compare(&read(earlier)?, &read(later)?);
        let mut out = std::io::stdout().lock();
        if arguments.json {
            report::changes_json(&changes, [earlier.number, later.number], &mut out)?;
        } else {
            report::changes(&changes, [earlier, later], &mut out)?;
        }
        Ok(changes.iter().any(|Change { slower, .. }| *slower))
    })
}

fn read(kept: &KeptEvidence) -> Result<turnout_baseline::Baseline> {
    serde_json::from_str(kept.result.get()).with_context(|| {
        format!(
            "evidence {} is of another version of Turnout and can't be read",
            kept.number
        )
    })
}
