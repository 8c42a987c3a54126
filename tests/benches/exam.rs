//! Measures what the exam of a change costs with many subjects: how long a change takes to come into force, and how long readers wait for
//! answers meanwhile. It does so with the subjects of the dataset, and with 200,000 more.
#![allow(clippy::print_stdout, reason = "a benchmark is run for what it prints")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use turnout_tests::{Host, Percentiles, Site, Spread, eventually};

/// Inserts clients with 200,000 other phones.
const MANY: &str = "insert into clients (phone, name) \
     select '8' || 9100000000 + number, 'client' from generate_series(1, 200000) as number";

/// How many rounds make each change.
const ROUNDS: usize = 5;

/// How many clients read all the time.
const READERS: usize = 4;

const EVERYBODY: &str = "[default]\nstage = 'dualwrite'\n";

#[tokio::main]
async fn main() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(EVERYBODY)?;
    let host = Arc::new(site.host().await?);
    println!("with the subjects of the dataset");
    let few = changes(&site, &host).await?;
    let (old, _) = site.databases().await?;
    sqlx::raw_sql(MANY).execute(&old).await?;
    println!("with 200,000 more");
    let many = changes(&site, &host).await?;
    println!("a change that may move somebody takes {:.1} times as long", many / few);
    Ok(())
}

/// Makes changes while others read. Returns how many milliseconds a change takes that may move a subject.
async fn changes(site: &Site, host: &Arc<Host>) -> Result<f64> {
    host.status_with("both sides are equal", |status| {
        let old = status["mirror"]["old"]["repositories"].as_array();
        status["converging"] == json!([]) && old.is_some_and(|all| all.iter().all(|one| one["dirty"] == 0))
    })
    .await;
    let over = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for client in 1..=READERS {
        readers.spawn(read(Arc::clone(host), client, Arc::clone(&over)));
    }
    let (mut moving, mut other) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let one =
            format!("[[cohort]]\nname = 'one'\nsubjects = ['89990000001']\nstage = 'live'\n{EVERYBODY}# {round}\n");
        moving.push(change(site, host, "routing.toml", &one).await?);
        moving.push(change(site, host, "routing.toml", EVERYBODY).await?);
        let settings = std::fs::read_to_string(site.policies().join("dual-write.toml"))?;
        other.push(change(site, host, "dual-write.toml", &format!("{settings}# {round}\n")).await?);
    }
    over.store(true, Relaxed);
    let mut waits = Vec::new();
    while let Some(read) = readers.join_next().await {
        waits.extend(read??);
    }
    let moving = Spread::of(moving);
    println!("a change that may move somebody   {moving:.0} ms");
    println!("a change that moves nobody        {:.0} ms", Spread::of(other));
    println!("a read all the while              {}", Percentiles::of(waits));
    Ok(moving.median)
}

/// How many milliseconds a file takes to come into force.
async fn change(site: &Site, host: &Host, file: &str, content: &str) -> Result<f64> {
    let epoch = async || host.get("/v1/status").await.ok()?.json()["epoch"].as_u64();
    let before = epoch().await;
    let began = Instant::now();
    site.put(file, content)?;
    eventually("the change is in force", async || {
        epoch().await.filter(|now| Some(*now) > before)
    })
    .await;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}

async fn read(host: Arc<Host>, client: usize, over: Arc<AtomicBool>) -> Result<Vec<Duration>> {
    let mut waits = Vec::new();
    while !over.load(Relaxed) {
        let began = Instant::now();
        let answer = host.get(&format!("/rest/v1/clients?id=eq.{client}&select=id")).await?;
        ensure!(answer.status == 200, "a read failed: {answer:?}");
        waits.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(waits)
}
