//! Measures what handoffs cost writers: authority over everybody moves to the other side and back, again and again, while clients write. No
//! write may fail, and in the end both sides must hold what was acknowledged last for each row.
#![allow(clippy::print_stdout, reason = "a benchmark is run for what it prints")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::json;
use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use turnout_tests::{Host, Percentiles, Site, eventually};

/// How many handoffs.
const HANDOFFS: usize = 1000;

/// How many clients write. Each writes its own row; together they make a thousand writes a second.
const WRITERS: i32 = 50;
const EVERY: Duration = Duration::from_millis(50);

/// How long the clients write before the first handoff, for comparison.
const CALM: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(&routing("dualwrite"))?;
    let host = Arc::new(site.host().await?);
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;

    let over = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let mut writers = JoinSet::new();
    for client in 1..=WRITERS {
        writers.spawn(write(Arc::clone(&host), client, Arc::clone(&over), began));
    }
    tokio::time::sleep(CALM).await;
    let mut durations = Vec::new();
    for number in 0..HANDOFFS {
        let before = epoch(&host).await?;
        let stage = if number % 2 == 0 { "live" } else { "dualwrite" };
        let asked = Instant::now();
        site.route(&routing(stage))?;
        eventually("authority has moved", async || {
            epoch(&host).await.ok().filter(|now| *now > before)
        })
        .await;
        durations.push(asked.elapsed());
    }
    over.store(true, Relaxed);
    let took = began.elapsed();
    let (mut calm, mut moving) = (Vec::new(), Vec::new());
    let mut last = Vec::new();
    while let Some(written) = writers.join_next().await {
        let Written { client, number, waits } = written??;
        last.push((client, number));
        for (at, wait) in waits {
            if at < CALM { &mut calm } else { &mut moving }.push(wait);
        }
    }
    let (old, new) = site.databases().await?;
    for (client, number) in last {
        for side in [&old, &new] {
            eventually("both sides hold what was acknowledged last", async || {
                (visits(side, client).await.ok()? == number).then_some(())
            })
            .await;
        }
    }
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let rate = (calm.len() + moving.len()) as f64 / took.as_secs_f64();
    println!("{HANDOFFS} handoffs under {rate:.0} writes a second, no error, no wrong row");
    println!("a handoff from the file to the epoch  {}", Percentiles::of(durations));
    println!("a write while nothing moves           {}", Percentiles::of(calm));
    println!("a write while authority moves         {}", Percentiles::of(moving));
    Ok(())
}

fn routing(stage: &str) -> String {
    format!("[default]\nstage = '{stage}'\n")
}

async fn epoch(host: &Host) -> Result<u64> {
    Ok(host.get("/v1/status").await?.json()["epoch"]
        .as_u64()
        .unwrap_or_default())
}

async fn visits(side: &PgPool, client: i32) -> Result<i32> {
    let visits = sqlx::query_scalar("select visit_count from clients where id = $1").bind(client);
    Ok(visits.fetch_one(side).await?)
}

/// The last write of one client, and how long each of its writes took.
struct Written {
    client: i32,
    number: i32,
    waits: Vec<(Duration, Duration)>,
}

async fn write(host: Arc<Host>, client: i32, over: Arc<AtomicBool>, began: Instant) -> Result<Written> {
    let path = format!("/rest/v1/clients?id=eq.{client}");
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut number = 1000;
    let mut waits = Vec::new();
    while !over.load(Relaxed) {
        ticks.tick().await;
        number += 1;
        let asked = Instant::now();
        let answer = host
            .send(host.request(Method::PATCH, &path).json(&json!({"visit_count": number})))
            .await?;
        ensure!(answer.status == 204, "a write failed: {answer:?}");
        waits.push((asked - began, asked.elapsed()));
    }
    Ok(Written { client, number, waits })
}
