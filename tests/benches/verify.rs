//! Measures how fast `turnout verify` compares a large table, beside one SQL digest of the whole table on each side at the same time. Both
//! servers and the command share the machine.
#![allow(clippy::print_stdout, reason = "a benchmark is run for what it prints")]

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor as _, PgPool};
use turnout_tests::{Site, Spread};

/// How many rows each side has.
const ROWS: u32 = 1_000_000;

/// How many rounds measure each way.
const ROUNDS: usize = 3;

/// The reference: the SHA-256 of all rows in the order of the key.
const DIGEST: &str =
    "select encode(sha256(string_agg(sha256(convert_to(clients::text, 'UTF8')), '' order by id)), 'hex') from clients";

#[tokio::main]
async fn main() -> Result<()> {
    let site = Site::set_up().await?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        fill(side).await?;
    }
    let (mut command, mut reference) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let printed: Value = serde_json::from_str(&site.turnout(&["verify", "--repository", "clients", "--json"])?)?;
        command.push(began.elapsed());
        ensure!(printed["verdict"] == "equal", "{printed}");
        let began = Instant::now();
        let digest = |side: PgPool| async move { sqlx::query_scalar::<_, String>(DIGEST).fetch_one(&side).await };
        let (one, other) = tokio::try_join!(digest(old.clone()), digest(new.clone()))?;
        reference.push(began.elapsed());
        ensure!(one == other, "the sides differ");
    }
    let ratio = Spread::of(
        command
            .iter()
            .zip(&reference)
            .map(|(command, other)| command.div_duration_f64(*other)),
    );
    let rate = |took: &Duration| f64::from(2 * ROWS) / took.as_secs_f64();
    println!("{ROWS} rows on each side, {ROUNDS} rounds, in turns");
    println!(
        "turnout verify       {:.0} rows a second, both sides together",
        Spread::of(command.iter().map(rate))
    );
    println!(
        "one digest a side    {:.0} rows a second",
        Spread::of(reference.iter().map(rate))
    );
    println!("time to the digests  {ratio:.2}");
    Ok(())
}

/// Fills one side. Both sides get the same rows, so these need no mirroring.
async fn fill(side: &PgPool) -> Result<()> {
    let mut transaction = side.begin().await?;
    transaction.execute("set local turnout.epoch = 'mirror'").await?;
    let rows = format!(
        "insert into clients (id, name, phone, email, visit_count, total_spent, tags, created_at, updated_at)
         select n, 'Client ' || n, 'bench ' || n, 'c' || n || '@example.com', n % 50, n % 1000 * 1.25, '{{vip,new}}',
            timestamptz '2026-01-01' + n * interval '1 second', timestamptz '2026-01-01' + n * interval '1 minute'
         from generate_series(1000001, 1000000 + {ROWS}) n"
    );
    transaction.execute(AssertSqlSafe(rows)).await?;
    transaction.commit().await?;
    side.execute("vacuum analyze clients").await?;
    Ok(())
}
