//! Long runs of requests by chance: `cargo xtask fuzz --minutes M`.

use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use turnout_tests::Site;
use turnout_tests::fuzz::Fuzz;

/// Sends a host requests of the PostgREST dialect that are wrong in chance ways, and ends at the first that is answered dishonestly.
#[derive(Parser)]
struct Arguments {
    /// The seed of all choices: the same seed gives the same requests.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long requests are sent, in minutes.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { seed, minutes } = Arguments::parse();
    let duration = Duration::try_from_secs_f64(minutes * 60.0).context("--minutes is no length of time")?;
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let sent = Fuzz::new(seed).run(&site, &host, duration).await?;
    eprintln!("{sent} requests were answered honestly");
    host.stop().await
}
