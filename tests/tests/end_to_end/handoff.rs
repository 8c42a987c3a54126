//! Authority moves while the application writes, and nothing is lost, whatever breaks on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use turnout_tests::{Answer, Host, Site, eventually};

const OLD: &str = "[default]\nstage = 'dualwrite'\n";

/// Everybody's rows are on `new`. Rows without a subject stay on `old`.
pub(crate) const NEW: &str = "[default]\nstage = 'live'\n[repositories.companies]\nstage = 'dualwrite'\n[repositories.services]\nstage = 'dualwrite'\n[repositories.staff]\nstage = 'dualwrite'\n[repositories.staff_schedules]\nstage = 'dualwrite'\n";

pub(crate) const CLIENT: &str = "/rest/v1/clients?phone=eq.89686484488&select=id,notes";

/// A site whose repositories are all mirrored from `old` to `new`, compared and drained, and a host on it. `budget` is that of a handoff.
pub(crate) async fn dual_writing(budget: &str) -> Result<(Site, Host)> {
    let site = Site::set_up().await?;
    site.configure(&[("handoff.budget", budget)])?;
    site.route(OLD)?;
    let host = site.host().await?;
    host.status_with("both sides are compared", |status| {
        let old = status["mirror"]["old"]["repositories"].as_array();
        status["converging"] == json!([]) && old.is_some_and(|all| all.iter().all(|one| one["dirty"] == 0))
    })
    .await;
    Ok((site, host))
}

async fn note(host: &Host, notes: &str) -> Result<Answer> {
    host.write(Method::PATCH, CLIENT, &json!({ "notes": notes })).await
}

async fn value(database: &PgPool, query: &str) -> Option<String> {
    sqlx::query_scalar(AssertSqlSafe(query))
        .fetch_optional(database)
        .await
        .ok()?
}

/// Waits until both sides have the same rows of a table, and returns their digest.
async fn equal(old: &PgPool, new: &PgPool, table: &str) -> String {
    let digest = format!("select md5(string_agg(t::text, ' ' order by id)) from {table} as t");
    eventually("both sides are equal", async || {
        let digests = (value(old, &digest).await?, value(new, &digest).await?);
        (digests.0 == digests.1).then_some(digests.0)
    })
    .await
}

fn signal(host: &Host, signal: Signal) -> Result<()> {
    Ok(kill(Pid::from_raw(i32::try_from(host.pid())?), signal)?)
}

/// Increases one client's visit count through a host, one step after the other, and reads every value back. Returns the last acknowledged
/// value.
async fn count_up(host: Arc<Host>, over: Arc<AtomicBool>, phone: String, by_id: bool) -> Result<u64> {
    let filter = if by_id {
        format!("id=eq.{phone}")
    } else {
        format!("phone=eq.{phone}")
    };
    let path = format!("/rest/v1/clients?{filter}&select=visit_count");
    let mut count = 1_000;
    while !over.load(Ordering::Relaxed) {
        count += 1;
        let expected = json!([{ "visit_count": count }]);
        let written = host
            .write(Method::PATCH, &path, &json!({ "visit_count": count }))
            .await?;
        ensure!(
            written.status == 200 && written.json() == expected,
            "write {count} of {filter}: {} {} {:?}",
            written.status,
            written.text,
            written.headers
        );
        let read = host.get(&path).await?;
        ensure!(
            read.status == 200 && read.json() == expected,
            "read {count} of {filter}: {} {} {:?} after {:?}",
            read.status,
            read.text,
            read.headers,
            written.headers
        );
    }
    Ok(count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moving_a_cohort_under_writers_loses_nothing() -> Result<()> {
    const MOVES: u64 = 12;
    let (site, host) = dual_writing("'15s'").await?;
    let (host, over) = (Arc::new(host), Arc::new(AtomicBool::new(false)));
    let (old, new) = site.databases().await?;
    let mut writers = Vec::new();
    for client in 1..=6 {
        let phone = value(&old, &format!("select phone from clients where id = {client}"))
            .await
            .unwrap();
        let counting = count_up(Arc::clone(&host), Arc::clone(&over), phone, false);
        writers.push((client, tokio::spawn(counting)));
    }
    let mut before = 1;
    for number in 0..MOVES {
        let (settings, backend) = if number % 2 == 0 { (NEW, "new") } else { (OLD, "old") };
        site.route(settings)?;
        let status = host
            .status_with("the move is over", |status| {
                assert_eq!(status["refused"], Value::Null, "{status}");
                status["epoch"].as_u64() > Some(before) && status["leaving"] == json!([])
            })
            .await;
        before = status["epoch"].as_u64().unwrap();
        let read = host.get(CLIENT).await?;
        assert_eq!((read.status.as_u16(), read.backend()), (200, backend));
    }
    over.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for (client, writer) in writers {
        acknowledged.push((client, writer.await??));
    }
    equal(&old, &new, "clients").await;
    for (client, count) in acknowledged {
        let kept = value(
            &new,
            &format!("select visit_count::text from clients where id = {client}"),
        )
        .await;
        assert_eq!(kept, Some(count.to_string()), "client {client}");
    }
    for side in [&old, &new] {
        let left = value(
            side,
            "select concat((select count(*) from turnout.held), ' ', (select count(*) from turnout.divergence))",
        )
        .await;
        assert_eq!(left.as_deref(), Some("0 0"));
    }
    Ok(())
}

#[tokio::test]
async fn a_host_that_slept_writes_nothing_under_the_old_epoch() -> Result<()> {
    let (site, first) = dual_writing("'15s'").await?;
    let second = site.host().await?;
    let (old, new) = site.databases().await?;
    assert_eq!(note(&first, "before").await?.backend(), "old");
    signal(&first, Signal::SIGSTOP)?;
    site.route(NEW)?;
    second
        .status_with("the second host has moved authority", |status| {
            status["epoch"] == 2 && status["leaving"] == json!([])
        })
        .await;
    let written = note(&second, "while it slept").await?;
    assert_eq!(
        (written.status.as_u16(), written.backend()),
        (200, "new"),
        "{}",
        written.text
    );

    // The requests are sent before the host wakes, so that it decides as it did when it fell asleep.
    let (written, read, woken) = tokio::join!(
        note(&first, "after it woke"),
        first.get("/rest/v1/clients?phone=eq.89686484488&select=id"),
        async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            signal(&first, Signal::SIGCONT)
        }
    );
    woken?;
    let (mut written, mut read) = (written?, read?);
    // A connection that was being made when the host fell asleep is out of time when it wakes. The backend counts as down for a moment
    // then, and nothing is done.
    if written.json()["code"] == "TURNOUT_UNAVAILABLE" {
        written = eventually("the host knows that the backend is up", async || {
            note(&first, "after it woke")
                .await
                .ok()
                .filter(|again| again.status == 200)
        })
        .await;
    }
    if read.json()["code"] == "TURNOUT_UNAVAILABLE" {
        read = first.get("/rest/v1/clients?phone=eq.89686484488&select=id").await?;
    }
    assert_eq!(
        (
            written.status.as_u16(),
            written.backend(),
            written.header("x-turnout-epoch")
        ),
        (200, "new", "2"),
        "{}",
        written.text
    );
    assert_eq!((read.status.as_u16(), read.backend()), (200, "new"), "{}", read.text);
    equal(&old, &new, "clients").await;
    let kept = value(&old, "select notes from clients where phone = '89686484488'").await;
    assert_eq!(kept.as_deref(), Some("after it woke"));
    let diverged = value(&old, "select count(*)::text from turnout.divergence").await;
    assert_eq!(diverged.as_deref(), Some("0"));
    Ok(())
}

/// Locks the clients of a side against the mirror until the lock is dropped, while one client's change waits to be mirrored.
async fn hold_a_change(host: &Host, new: &PgPool) -> Result<sqlx::Transaction<'static, sqlx::Postgres>> {
    let mut held = new.begin().await?;
    sqlx::query("lock table clients in exclusive mode")
        .execute(&mut *held)
        .await?;
    let written = note(host, "held up").await?;
    assert_eq!((written.status.as_u16(), written.backend()), (200, "old"));
    Ok(held)
}

#[tokio::test]
async fn another_host_ends_the_handoff_of_a_killed_one() -> Result<()> {
    for second_runs_already in [true, false] {
        let (site, first) = dual_writing("'1s'").await?;
        let (old, new) = site.databases().await?;
        let mut second = if second_runs_already {
            Some(site.host().await?)
        } else {
            None
        };
        let held = hold_a_change(&first, &new).await?;
        site.route(NEW)?;
        eventually("a handoff is under way", async || {
            let newest = value(&old, "select max(epoch)::text from turnout.epoch").await?;
            (newest != "1").then_some(())
        })
        .await;
        drop(first);
        let second = match second.take() {
            Some(second) => second,
            None => site.host().await?,
        };
        held.rollback().await?;
        second
            .status_with("no handoff is under way", |status| {
                status["epoch"] != 1 && status["leaving"] == json!([])
            })
            .await;
        let written = note(&second, "afterwards").await?;
        assert_eq!(written.status, 200, "{}", written.text);
        // Repeated attempts bring the change into force, on a busy machine not at once.
        let mut attempts = 0;
        eventually("the clients are written on new", async || {
            let status = second.get("/v1/status").await.ok()?.json();
            if attempts == 0 || !status["refused"].is_null() {
                attempts += 1;
                site.put("routing.toml", format!("{NEW}# {attempts}\n")).ok()?;
            }
            (note(&second, "at the end").await.ok()?.backend() == "new").then_some(())
        })
        .await;
        equal(&old, &new, "clients").await;
    }
    Ok(())
}

#[tokio::test]
async fn a_handoff_that_cannot_drain_is_abandoned_within_its_budget() -> Result<()> {
    let (site, host) = dual_writing("'1s'").await?;
    let (old, new) = site.databases().await?;
    let held = hold_a_change(&host, &new).await?;
    site.route(NEW)?;
    host.status_with("the handoff is under way", |status| status["epoch"] != 1)
        .await;
    // An operation that waits for the handoff goes on when the handoff is abandoned, although the other side is still locked.
    let waited = note(&host, "waited").await?;
    assert_eq!(
        (
            waited.status.as_u16(),
            waited.backend(),
            waited.header("x-turnout-epoch")
        ),
        (200, "old", "3"),
        "{}",
        waited.text
    );
    let status = host
        .status_with("the refusal shows", |status| !status["refused"].is_null())
        .await;
    let reason = status["refused"]["reason"].as_str().unwrap();
    assert!(reason.contains("took longer than 1s and was abandoned"), "{reason}");
    assert!(reason.contains("of backend old were not mirrored"), "{reason}");
    held.rollback().await?;
    equal(&old, &new, "clients").await;
    host.status_with("the old set is in force", |status| {
        status["epoch"] == 3 && status["leaving"] == json!([])
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_handoff_is_abandoned_when_a_side_dies() -> Result<()> {
    let (mut site, host) = dual_writing("'1s'").await?;
    let (_, new) = site.databases().await?;
    let held = hold_a_change(&host, &new).await?;
    site.route(NEW)?;
    host.status_with("the handoff is under way", |status| status["epoch"] != 1)
        .await;
    site.new.kill().await?;
    drop(held);
    let status = host
        .status_with("the refusal shows", |status| !status["refused"].is_null())
        .await;
    assert!(
        status["refused"]["reason"].as_str().unwrap().contains("abandoned"),
        "{status}"
    );
    site.new.restart().await?;
    host.status_with("the old set is in force", |status| {
        status["epoch"].as_u64() > Some(2) && status["leaving"] == json!([])
    })
    .await;
    let written = note(&host, "as before").await?;
    assert_eq!(
        (written.status.as_u16(), written.backend()),
        (200, "old"),
        "{}",
        written.text
    );
    let (old, new) = site.databases().await?;
    equal(&old, &new, "clients").await;
    Ok(())
}
