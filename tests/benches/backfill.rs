//! Measures how fast a table is copied that only `old` has, while it is written to, beside `COPY` piped from side to side into a plain table
//! with the same key. Both servers, the host and the writer share the machine. `BACKFILL_ROWS` sets the number of rows.
#![allow(clippy::print_stdout, reason = "a benchmark is run for what it prints")]

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor as _, PgPool};
use tokio::time::{interval, sleep};
use turnout_tests::Site;

/// How many writes a second there are meanwhile.
const WRITES: u64 = 300;

/// What a row is. The same table on both sides.
const NARROW: &str = "create table narrow (id bigint primary key, a int not null, b text not null)";

#[tokio::main]
async fn main() -> Result<()> {
    let rows: i64 = std::env::var("BACKFILL_ROWS").map_or(Ok(1_000_000), |rows| rows.parse())?;
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        side.execute(NARROW).await?;
    }
    new.execute("create table plain (like narrow including all)").await?;
    let fill = format!("insert into narrow select n, n % 1000, 'row ' || n from generate_series(1, {rows}) n");
    old.execute(AssertSqlSafe(fill)).await?;
    old.execute("vacuum analyze narrow").await?;
    let writer = tokio::spawn(write(old.clone(), rows));

    let began = Instant::now();
    let pipe = format!(
        "psql -qc 'copy narrow to stdout' {} | psql -qc 'copy plain from stdin' {}",
        site.old.url(),
        site.new.url()
    );
    let piped = tokio::task::spawn_blocking(move || Command::new("sh").args(["-c", &pipe]).status());
    ensure!(piped.await??.success(), "COPY failed");
    let copy = began.elapsed();

    site.configure(&[("repositories.narrow", "{ key = ['id'] }")])?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let began = Instant::now();
    let host = site.host().await?;
    let mut most_memory = 0;
    loop {
        most_memory = most_memory.max(memory(host.pid())?);
        let status = host.get("/v1/status").await?.json();
        if status["converging"] == json!([]) {
            break;
        }
        sleep(Duration::from_millis(200)).await;
    }
    let backfill = began.elapsed();
    writer.abort();
    let rate = |took: Duration| {
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rows = rows as f64;
        rows / took.as_secs_f64()
    };
    println!("{rows} rows, beside {WRITES} writes a second");
    println!("COPY piped  {:.0} rows a second", rate(copy));
    println!(
        "backfill    {:.0} rows a second, {most_memory} MiB of memory at most",
        rate(backfill)
    );
    println!("ratio       {:.2}", copy.as_secs_f64() / backfill.as_secs_f64());
    Ok(())
}

/// Changes rows of the table here and there.
async fn write(old: PgPool, rows: i64) -> Result<()> {
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(WRITES)?);
    for round in 0_i64.. {
        ticks.tick().await;
        let change = format!("update narrow set a = a + 1 where id = {}", round * 7919 % rows + 1);
        old.execute(AssertSqlSafe(change)).await?;
    }
    Ok(())
}

/// How much memory a process has, in MiB.
fn memory(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line.context("no VmRSS")?.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024)
}
