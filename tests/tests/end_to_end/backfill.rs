//! What one side lacks is copied in chunks, while writes go on and hosts die.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor as _, PgPool};
use turnout_tests::{Site, eventually, turnout};

/// How many bookings only `old` has, and how many clients they are of.
const ROWS: i64 = 40_000;
const CLIENTS: i64 = 500;

/// Runs `turnout backfill`; its exit status, and what it prints.
async fn backfill(site: &Site, more: &[&str]) -> Result<(Option<i32>, String)> {
    let mut command = tokio::process::Command::from(turnout());
    command.arg("--config").arg(site.config()).arg("backfill").args(more);
    let output = command.output().await?;
    let printed = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
    Ok((output.status.code(), printed))
}

/// Inserts rows into one side alone, as if they had been there before Turnout.
async fn fill(old: &PgPool) -> Result<()> {
    let mut transaction = old.begin().await?;
    transaction.execute("set local turnout.epoch = 'mirror'").await?;
    let rows = format!(
        "insert into clients (id, name, phone) select n, 'Client ' || n, 'many ' || n from generate_series(100001, 100000 + {CLIENTS}) n;
        insert into bookings (id, client_phone, comment, datetime)
        select n, 'many ' || 100001 + n % {CLIENTS}, E'tab\\t and\\nline', now() from generate_series(100001, 100000 + {ROWS}) n"
    );
    transaction.execute(sqlx::raw_sql(AssertSqlSafe(rows))).await?;
    transaction.commit().await?;
    Ok(())
}

/// How many rows of all ranges were gone through; `None` once none is open.
async fn gone_through(old: &PgPool) -> Result<Option<i64>> {
    let rows = "select sum(rows)::int8 from turnout.dirty_range having bool_or(done_at is null)";
    Ok(sqlx::query_scalar(rows).fetch_optional(old).await?)
}

#[tokio::test]
async fn rows_are_copied_beside_writes_though_hosts_are_killed() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    fill(&old).await?;
    site.route("[default]\nstage = 'dualwrite'\n")?;

    let is_over = AtomicBool::new(false);
    let application = async {
        let mut round = 0;
        while !is_over.load(Relaxed) {
            let (id, client) = (100_001 + (round * 7919) % ROWS, 100_001 + round % CLIENTS);
            let writes = format!(
                "update clients set name = 'changed {round}' where id = {client};
                delete from bookings where id = {id};
                insert into bookings (client_phone, comment, datetime) values ('many {client}', 'new {round}', now())"
            );
            old.execute(sqlx::raw_sql(AssertSqlSafe(writes))).await?;
            round += 1;
        }
        Ok::<_, anyhow::Error>(round)
    };
    let copy = async {
        for _ in 0..3 {
            let host = site.host().await?;
            let before = gone_through(&old).await?.unwrap_or_default();
            eventually("the copy goes on", async || match gone_through(&old).await.ok()? {
                Some(rows) => (rows > before).then_some(()),
                None => Some(()),
            })
            .await;
            // By SIGKILL.
            drop(host);
        }
        let host = site.host().await?;
        site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;
        let (status, printed) = backfill(&site, &["--json", "--max-load", "90"]).await?;
        is_over.store(true, Relaxed);
        anyhow::ensure!(status == Some(0), "{printed}");
        Ok((host, printed))
    };
    let (writes, (host, printed)) = tokio::try_join!(application, copy)?;
    assert!(writes > 20, "too few writes came between");
    let printed: Value = serde_json::from_str(&printed).with_context(|| printed.clone())?;
    assert_eq!(printed["bookings"]["state"], "done", "{printed}");

    let kept = "select result::text from turnout.evidence where kind = 'backfill' and repositories = '{bookings}' order by number limit 1";
    let bookings: String = sqlx::query_scalar(kept).fetch_one(&new).await?;
    let bookings: Value = serde_json::from_str(&bookings)?;
    let copied = bookings["repositories"]["bookings"]["copied"].as_i64();
    assert!(
        copied.is_some_and(|copied| copied > ROWS / 2),
        "{bookings}\n{}",
        host.log()
    );
    assert_eq!(bookings["complete"], true);

    eventually("nothing is pending", async || {
        let pending: i64 = sqlx::query_scalar("select count(*) from turnout.dirty")
            .fetch_one(&old)
            .await
            .ok()?;
        (pending == 0).then_some(())
    })
    .await;
    site.turnout(&["verify"])?;
    host.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_rehearsal_names_what_new_would_refuse() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    new.execute("set turnout.epoch = 'mirror'; delete from bookings; delete from clients")
        .await?;
    let (status, printed) = backfill(&site, &["--dry-run"]).await?;
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains("clients: about "), "{printed}");
    let left: i64 = sqlx::query_scalar("select count(*) from clients")
        .fetch_one(&new)
        .await?;
    assert_eq!(left, 0, "the rehearsal is taken back");

    new.execute("alter table clients add constraint short check (length(name) < 1)")
        .await?;
    new.execute("alter table bookings alter comment type varchar(1)")
        .await?;
    let (status, printed) = backfill(&site, &["--dry-run", "--json"]).await?;
    assert_eq!(status, Some(1), "{printed}");
    let printed: Value = serde_json::from_str(&printed)?;
    let of = |name: &str| {
        printed
            .as_array()
            .and_then(|all| all.iter().find(|one| one["repository"] == name).cloned())
    };
    let refused = of("clients").map(|clients| clients["refused"].to_string());
    assert!(refused.is_some_and(|refused| refused.contains("short")), "{printed}");
    let one_by_one = of("bookings").map(|bookings| bookings["one_by_one"].clone());
    assert_eq!(one_by_one, Some(json!("column comment is not the same on both sides")));
    drop(old);
    Ok(())
}

#[tokio::test]
async fn nothing_is_copied_that_is_not_mirrored() -> Result<()> {
    let site = Site::set_up().await?;
    site.route("[default]\nstage = 'off'\n")?;
    let host = site.host().await?;
    site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;
    let (status, printed) = backfill(&site, &[]).await?;
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("put it into `dualwrite`"), "{printed}");
    Ok(())
}
