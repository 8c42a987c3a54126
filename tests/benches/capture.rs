//! Measures what capture and the fence cost a writer: pgbench updates single rows of one table, with Turnout's triggers and without.
//! Nothing is mirrored meanwhile. Commits wait for nothing, for a disk with a cache (as on this machine), or for a millisecond, as on a
//! disk without a cache.
#![allow(clippy::print_stdout, reason = "a benchmark is run for what it prints")]

use std::process::Command;

use anyhow::{Context, Result, ensure};
use sqlx::{Executor as _, PgPool};
use turnout_tests::{Site, Spread};

/// How many rounds measure each case.
const ROUNDS: usize = 9;

/// How many seconds one measurement takes.
const WINDOW: &str = "3";

/// How many connections write, and in which protocols pgbench sends statements: `simple` as few drivers do, `prepared` as most do.
const CONNECTIONS: &str = "4";
const PROTOCOLS: [&str; 2] = ["simple", "prepared"];

/// The settings that say what a commit waits for.
const COMMITS: [&str; 3] = [
    "-c synchronous_commit=off",
    "-c synchronous_commit=on",
    "-c synchronous_commit=on -c commit_delay=1000 -c commit_siblings=0",
];

/// One update of one row by its key.
const UPDATE: &str = "\\set id random(1, 1299)\nupdate clients set visit_count = visit_count + 1 where id = :id;\n";

#[tokio::main]
async fn main() -> Result<()> {
    let site = Site::set_up_durable().await?;
    let (old, _) = site.databases().await?;
    let script = site.folder().join("update.sql");
    std::fs::write(&script, UPDATE)?;
    let pgbench = |commit: &str, protocol: &str| -> Result<f64> {
        let output = Command::new(site.old.programs().join("pgbench"))
            .args([
                "--no-vacuum",
                "--client",
                CONNECTIONS,
                "--time",
                WINDOW,
                "--protocol",
                protocol,
                "--file",
            ])
            .arg(&script)
            .arg(site.old.url())
            .env("PGOPTIONS", commit)
            .output()
            .context("pgbench can't be run")?;
        let said = String::from_utf8(output.stdout)?;
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = "));
        let rate = rate
            .and_then(|rate| rate.split(' ').next())
            .context("pgbench says no rate")?;
        ensure!(
            output.status.success(),
            "pgbench failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(rate.parse()?)
    };
    println!("single-row updates, {CONNECTIONS} connections, {ROUNDS} rounds of {WINDOW} s each, in turns");
    for commit in COMMITS {
        for protocol in PROTOCOLS {
            let (mut without, mut with) = (Vec::new(), Vec::new());
            for round in 0..=ROUNDS {
                triggers(&old, "disable").await?;
                let bare = pgbench(commit, protocol)?;
                triggers(&old, "enable").await?;
                let captured = pgbench(commit, protocol)?;
                // The first round only warms up.
                if round > 0 {
                    without.push(bare);
                    with.push(captured);
                }
            }
            let ratio = Spread::of(with.iter().zip(&without).map(|(with, without)| with / without));
            println!(
                "{commit}, {protocol} protocol: {:.0} a second without, {:.0} with, ratio {ratio:.2}",
                Spread::of(without),
                Spread::of(with)
            );
        }
    }
    Ok(())
}

/// Enables or disables Turnout's triggers, and removes the rows that were captured.
async fn triggers(old: &PgPool, change: &'static str) -> Result<()> {
    old.execute("truncate turnout.dirty").await?;
    old.execute("vacuum full clients").await?;
    old.execute(match change {
        "enable" => "alter table clients enable trigger user",
        _ => "alter table clients disable trigger user",
    })
    .await?;
    old.execute("checkpoint").await?;
    Ok(())
}
