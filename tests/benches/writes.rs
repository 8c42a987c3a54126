//! Measures what mirroring adds to a write, as one client sees it: through the host with the mirror off, async and sync. For comparison the
//! same statement goes directly to one database, or to each database after the other. Commits reach the disk at once, as on this machine
//! with its cache, or a millisecond later, as on a disk without a cache.
#![allow(clippy::print_stdout, reason = "a benchmark is run for what it prints")]

use std::time::Instant;

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection, raw_sql};
use turnout_tests::{Host, Site, Spread};

/// How many rounds measure each way, and how many writes a round makes.
const ROUNDS: usize = 9;
const WRITES: i32 = 300;

/// The delays of each commit, in microseconds.
const DELAYS: [u32; 2] = [0, 1000];

const ROUTING: &str = "[default]\nstage = 'dualwrite'\n";
const UPDATE: &str = "update clients set visit_count = $1 where id = $2 returning id";

/// The id of the client that is written. Both sides have the client under this id.
const CLIENT: i32 = 7;

#[tokio::main]
async fn main() -> Result<()> {
    let site = Site::set_up_durable().await?;
    site.route(ROUTING)?;
    let host = site.host().await?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    let (mut old, mut new) = (direct(site.old.url()).await?, direct(site.new.url()).await?);

    for delay in DELAYS {
        for database in [&mut old, &mut new] {
            delay_commits(database, delay).await?;
        }
        println!("commits take {delay} µs longer than this disk");
        compare(&site, &host, &mut old, &mut new).await?;
    }
    Ok(())
}

/// Measures all ways in turns, and prints the times.
async fn compare(site: &Site, host: &Host, old: &mut PgConnection, new: &mut PgConnection) -> Result<()> {
    let modes = ["off", "async", "sync"];
    let mut through = [const { Vec::new() }; 3];
    let (mut one, mut each) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let mut took = Vec::new();
        for mode in modes {
            mirror(site, host, mode).await?;
            took.push(writes_through(host, mode).await?);
        }
        let (alone, both) = (writes_to(&mut [old]).await?, writes_to(&mut [old, new]).await?);
        // The first round only warms up.
        if round > 0 {
            for (all, took) in through.iter_mut().zip(took) {
                all.push(took);
            }
            one.push(alone);
            each.push(both);
        }
    }
    let ratio = |of: &[f64], to: &[f64]| Spread::of(of.iter().zip(to).map(|(of, to)| of / to));
    println!("one client, medians of {WRITES} writes in microseconds, {ROUNDS} rounds, in turns");
    println!("one database, directly             {:.0}", Spread::of(one.clone()));
    println!("each database, one after the other {:.0}", Spread::of(each.clone()));
    for (mode, took) in modes.iter().zip(&through) {
        println!("through the host, mirror {mode:<9} {:.0}", Spread::of(took.clone()));
    }
    println!(
        "async to off                       {:.2}",
        ratio(&through[1], &through[0])
    );
    println!("sync to each database              {:.2}", ratio(&through[2], &each));
    // The cost to an application that writes to each side itself, through two such hosts.
    let twice: Vec<_> = through[0].iter().map(|once| 2.0 * once).collect();
    println!("sync to twice through the host     {:.2}", ratio(&through[2], &twice));
    Ok(())
}

/// A connection whose writes are not captured, and so not mirrored.
async fn direct(url: &str) -> Result<PgConnection> {
    let options: PgConnectOptions = url.parse()?;
    Ok(options.options([("turnout.epoch", "mirror")]).connect().await?)
}

/// Makes each commit of a database wait so long before it goes to the disk.
async fn delay_commits(database: &mut PgConnection, microseconds: u32) -> Result<()> {
    for setting in [format!("commit_delay = {microseconds}"), "commit_siblings = 0".into()] {
        let set = AssertSqlSafe(format!("alter system set {setting}"));
        database.execute(raw_sql(set)).await?;
    }
    database.execute("select pg_reload_conf()").await?;
    Ok(())
}

/// Switches the host to another mode of mirroring.
async fn mirror(site: &Site, host: &Host, mode: &str) -> Result<()> {
    let before = host.get("/v1/status").await?.json();
    site.put("dual-write.toml", format!("mirror = '{mode}'\nsync_bound_ms = 5000\n"))?;
    host.status_with("the settings are in force", |now| {
        now["epoch"].as_u64() > before["epoch"].as_u64() && now["converging"] == json!([])
    })
    .await;
    Ok(())
}

/// The median time of a write through the host.
async fn writes_through(host: &Host, mode: &str) -> Result<f64> {
    let expected = match mode {
        "sync" => "done",
        "async" => "pending",
        _ => "off",
    };
    let path = format!("/rest/v1/clients?id=eq.{CLIENT}");
    let mut took = Vec::new();
    for number in 0..WRITES {
        let began = Instant::now();
        let answer = host
            .send(host.request(Method::PATCH, &path).json(&json!({"visit_count": number})))
            .await?;
        took.push(began.elapsed().as_secs_f64() * 1e6);
        ensure!(
            answer.status == 204 && answer.header("x-turnout-mirror") == expected,
            "{answer:?}"
        );
    }
    Ok(Spread::of(took).median)
}

/// The median time of a write to each of these databases, one after the other.
async fn writes_to(databases: &mut [&mut PgConnection]) -> Result<f64> {
    let mut took = Vec::new();
    for number in 0..WRITES {
        let began = Instant::now();
        for database in &mut *databases {
            let row = sqlx::query_scalar::<_, i32>(UPDATE).bind(number).bind(CLIENT);
            row.fetch_one(&mut **database).await?;
        }
        took.push(began.elapsed().as_secs_f64() * 1e6);
    }
    Ok(Spread::of(took).median)
}
