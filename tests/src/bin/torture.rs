//! Long runs of torture: `cargo xtask torture --seed N --minutes M`.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use turnout_tests::torture::{self, Options};

/// Breaks hosts, databases and networks while bots work, and then looks for writes that were lost.
#[derive(Parser)]
struct Arguments {
    /// The seed of all choices: the same seed gives the same faults at the same times.
    #[arg(long)]
    seed: u64,
    /// How long bots work and faults happen, in minutes.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// How many seeds to run, one after the other, from `seed` on.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { seed, minutes, seeds } = Arguments::parse();
    let duration = Duration::try_from_secs_f64(minutes * 60.0).context("--minutes is no length of time")?;
    let mut failed = Vec::new();
    for seed in seed..seed.saturating_add(seeds) {
        let report = torture::run(Options::surrounded(seed, duration)).await?;
        eprintln!("{report}");
        if !report.wrong.is_empty() {
            failed.push(seed);
            for (place, log) in report.logs.iter().enumerate() {
                let file = std::env::temp_dir().join(format!("turnout-torture-{seed}-host-{place}.log"));
                std::fs::write(&file, log).with_context(|| format!("{} can't be written", file.display()))?;
                eprintln!("what the hosts of place {place} logged: {}", file.display());
            }
        }
    }
    if !failed.is_empty() {
        bail!("something is wrong with these seeds: {failed:?}");
    }
    Ok(())
}
