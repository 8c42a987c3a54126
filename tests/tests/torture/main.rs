//! Short runs of torture. Long ones: `cargo xtask torture`.

use std::time::Duration;

use anyhow::{Result, ensure};
use turnout_tests::torture::{self, Options};

async fn survives(seed: u64) -> Result<()> {
    let report = torture::run(Options::mirrored(seed, Duration::from_secs(10))).await?;
    ensure!(report.wrong.is_empty(), "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_with_seed_1() -> Result<()> {
    survives(1).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_with_seed_2() -> Result<()> {
    survives(2).await
}
