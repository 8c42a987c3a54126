//! Measures how fast the mirror drains pending entries: single-row changes, each of a transaction of its own. PostgreSQL's logical
//! replication gets the same changes. Both servers, the host and the measuring program share the machine.
#![allow(clippy::print_stdout, reason = "a benchmark is run for what it prints")]

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Executor as _, PgPool};
use tokio::time::sleep;
use turnout_tests::{Site, Spread};

/// How many rows there are. Each row is changed once.
const ROWS: i32 = 100_000;

/// The key of the first row.
const FIRST: i32 = 1_000_001;

/// How long to wait between two looks at what has arrived.
const PAUSE: Duration = Duration::from_millis(5);

/// How many rounds measure each way.
const ROUNDS: usize = 5;

/// The authority of everything is `old`, and everything is mirrored.
const ROUTING: &str = "[default]\nstage = 'dualwrite'\n";

#[tokio::main]
async fn main() -> Result<()> {
    let mut site = Site::set_up().await?;
    site.route(ROUTING)?;
    let (old, _) = site.databases().await?;
    old.execute("alter system set wal_level = 'logical'").await?;
    site.old.restart().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        fill(side).await?;
    }
    old.execute("create publication turnout_bench for table clients")
        .await?;
    let subscription = format!(
        "create subscription turnout_bench connection '{}' publication turnout_bench with (copy_data = false, enabled = false)",
        site.old.url()
    );
    new.execute(AssertSqlSafe(subscription)).await?;
    new.execute("alter subscription turnout_bench disable").await?;

    let compared = |status: &Value| status["converging"] == json!([]);
    site.host()
        .await?
        .status_with("both sides are compared", compared)
        .await;

    let mut rates = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        rates.0.push(mirror(&site, &old, &new).await?);
        rates.1.push(replication(&old, &new).await?);
    }
    let ratio = Spread::of(rates.0.iter().zip(&rates.1).map(|(mirror, other)| mirror / other));
    println!("{ROWS} single-row changes that lie there, {ROUNDS} rounds, in turns");
    println!("mirror               {:.0} changes a second", Spread::of(rates.0));
    println!("logical replication  {:.0} changes a second", Spread::of(rates.1));
    println!("ratio                {ratio:.2}");
    Ok(())
}

/// Inserts the rows on one side. Both sides get the same rows, so these need no mirroring.
async fn fill(side: &PgPool) -> Result<()> {
    let mut transaction = side.begin().await?;
    transaction.execute("set local turnout.epoch = 'mirror'").await?;
    let rows = format!(
        "insert into clients (id, name, phone, created_at, updated_at)
         select n, 'Client ' || n, 'bench ' || n, '2026-01-01', '2026-01-01' from generate_series({FIRST}, {FIRST} + {ROWS} - 1) n"
    );
    transaction.execute(AssertSqlSafe(rows)).await?;
    transaction.commit().await?;
    side.execute("vacuum analyze clients").await?;
    Ok(())
}

/// Changes each row, in a transaction of its own.
async fn change(old: &PgPool) -> Result<()> {
    let changes = format!(
        "do $$ begin for n in {FIRST}..{FIRST} + {ROWS} - 1 loop
             update clients set visit_count = visit_count + 1 where id = n; commit;
         end loop; end $$"
    );
    old.execute(AssertSqlSafe(changes)).await?;
    old.execute("checkpoint").await?;
    Ok(())
}

/// The rate of Turnout's mirror in changes a second. The host starts when all changes are pending.
async fn mirror(site: &Site, old: &PgPool, new: &PgPool) -> Result<f64> {
    change(old).await?;
    let host = site.host().await?;
    let rate = rate(new).await?;
    host.status_with("nothing is dirty", |status| {
        status["mirror"]["old"]["repositories"]
            .as_array()
            .is_some_and(|all| all.iter().all(|one| one["dirty"] == 0))
    })
    .await;
    Ok(rate)
}

/// The rate of logical replication in changes a second. The changes carry the mark of the mirror's own writes, so capture passes over them.
async fn replication(old: &PgPool, new: &PgPool) -> Result<f64> {
    let marked = PgPoolOptions::new()
        .max_connections(1)
        .connect_with((*old.connect_options()).clone());
    let marked = marked.await?;
    marked.execute("set turnout.epoch = 'mirror'").await?;
    change(&marked).await?;
    marked.close().await;
    new.execute("alter subscription turnout_bench enable").await?;
    let rate = rate(new).await?;
    new.execute("alter subscription turnout_bench disable").await?;
    Ok(rate)
}

/// The rate in changes a second, from the arrival of the first change to that of the last.
async fn rate(new: &PgPool) -> Result<f64> {
    let visits = |id| async move {
        let row = sqlx::query_scalar::<_, i32>("select visit_count from clients where id = $1").bind(id);
        row.fetch_one(new).await
    };
    let (first, last) = (FIRST, FIRST + ROWS - 1);
    let (mut before, target) = (visits(first).await?, visits(last).await? + 1);
    let mut began = Instant::now();
    loop {
        if visits(first).await? != before {
            before += 1;
            began = Instant::now();
        }
        if visits(last).await? == target {
            break;
        }
        sleep(PAUSE).await;
    }
    let took = began.elapsed();
    let all = sqlx::query_scalar::<_, bool>("select bool_and(visit_count = $1) from clients where id >= $2");
    ensure!(
        all.bind(target).bind(first).fetch_one(new).await?,
        "the last change is not the last to arrive"
    );
    Ok(f64::from(ROWS) / took.as_secs_f64())
}
