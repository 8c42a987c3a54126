//! What the application sees while a database is down.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};
use turnout_tests::{Answer, Host, Site, eventually};

const TEST_PHONE: &str = "/rest/v1/clients?phone=eq.89686484488&select=id";

/// The answer is a failure in PostgREST's shape that says when to try again.
fn assert_unavailable(answer: &Answer, backend: &str) {
    assert_eq!(answer.status, 503, "{}", answer.text);
    let body = answer.json();
    assert_eq!(
        (&body["code"], &body["details"], &body["hint"]),
        (&json!("TURNOUT_UNAVAILABLE"), &Value::Null, &Value::Null)
    );
    assert!(
        body["message"]
            .as_str()
            .is_some_and(|message| message.contains(backend)),
        "{body}"
    );
    assert_eq!((answer.header("retry-after"), answer.backend()), ("1", backend));
}

/// A host that has compared both sides. Only then may a read fall back.
async fn host_of_equal_sides(site: &Site) -> Result<Host> {
    let host = site.host().await?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    Ok(host)
}

/// Waits until a backend answers a path successfully.
async fn answered_by(host: &Host, path: &str, backend: &str) {
    eventually("the backend answers again", async || {
        let answer = host.get(path).await.ok()?;
        (answer.status == 200 && answer.backend() == backend).then_some(())
    })
    .await;
}

#[tokio::test]
async fn while_new_is_down_old_answers_its_reads() -> Result<()> {
    let mut site = Site::set_up().await?;
    site.configure(&[("backends.new.acquire_timeout", "'1s'")])?;
    let host = host_of_equal_sides(&site).await?;
    assert_eq!(host.get(TEST_PHONE).await?.backend(), "new");

    site.new.stop().await?;
    for _ in 0..5 {
        let began = Instant::now();
        let read = host.get(TEST_PHONE).await?;
        assert_eq!(
            (read.status.as_u16(), read.backend(), read.json()),
            (200, "old", json!([{"id": 1}]))
        );
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    let began = Instant::now();
    assert_unavailable(
        &host.write(Method::PATCH, TEST_PHONE, &json!({"notes": "x"})).await?,
        "new",
    );
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(
        host.get("/rest/v1/clients?id=eq.2").await?.backend(),
        "old",
        "others notice nothing"
    );
    eventually("the status tells it", async || {
        let status = host.get("/v1/status").await.ok()?.json();
        (status["backends"]["new"]["up"] == false && status["backends"]["old"]["up"] == true).then_some(())
    })
    .await;
    assert_eq!(host.get("/readyz").await?.status, 200, "one backend is enough to serve");

    site.new.restart().await?;
    answered_by(&host, TEST_PHONE, "new").await;
    let written = host.write(Method::PATCH, TEST_PHONE, &json!({"notes": "x"})).await?;
    assert_eq!((written.status.as_u16(), written.backend()), (200, "new"));
    Ok(())
}

#[tokio::test]
async fn while_old_is_down_only_mirrored_subjects_are_answered() -> Result<()> {
    let mut site = Site::set_up().await?;
    let host = host_of_equal_sides(&site).await?;
    site.old.stop().await?;
    assert_unavailable(&host.get("/rest/v1/clients?id=eq.2").await?, "old");
    assert_unavailable(
        &host
            .write(Method::PATCH, "/rest/v1/clients?phone=eq.1", &json!({"notes": "x"}))
            .await?,
        "old",
    );
    let mirrored = host.get("/rest/v1/services?id=eq.1&select=id").await?;
    assert_eq!(
        (mirrored.status.as_u16(), mirrored.backend()),
        (200, "new"),
        "a dual-written repository falls back"
    );
    assert_unavailable(
        &host
            .write(Method::PATCH, "/rest/v1/services?id=eq.1", &json!({"minutes": 1}))
            .await?,
        "old",
    );
    let live = host.get(TEST_PHONE).await?;
    assert_eq!((live.status.as_u16(), live.backend()), (200, "new"));

    site.new.stop().await?;
    eventually("the host is not ready", async || {
        // The host notices that a database is down when it next uses it.
        assert_eq!(host.get(TEST_PHONE).await.ok()?.status, 503);
        (host.get("/readyz").await.ok()?.status == 503).then_some(())
    })
    .await;
    assert_eq!(host.get("/healthz").await?.status, 200, "the host itself is alive");

    site.old.restart().await?;
    answered_by(&host, "/rest/v1/clients?id=eq.2", "old").await;
    Ok(())
}

#[tokio::test]
async fn a_host_can_start_beside_a_dead_database() -> Result<()> {
    let mut site = Site::set_up().await?;
    host_of_equal_sides(&site).await?.stop().await?;
    site.new.stop().await?;
    let host = site.host().await?;
    assert_eq!(host.get("/rest/v1/clients?id=eq.2").await?.backend(), "old");
    let read = host.get(TEST_PHONE).await?;
    assert_eq!((read.status.as_u16(), read.backend()), (200, "old"));
    assert_unavailable(
        &host.write(Method::PATCH, TEST_PHONE, &json!({"notes": "x"})).await?,
        "new",
    );
    site.new.restart().await?;
    answered_by(&host, TEST_PHONE, "new").await;
    Ok(())
}

#[tokio::test]
async fn a_side_never_seen_leaves_repositories_to_be_compared() -> Result<()> {
    let mut site = Site::set_up().await?;
    site.new.stop().await?;
    let host = site.host().await?;
    let status = host.status_with("the host answers", |_| true).await;
    assert_eq!(status["converging"], status["repositories"], "{status}");
    site.new.restart().await?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    Ok(())
}

#[tokio::test]
async fn a_silent_database_costs_reads_one_acquire_timeout() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("backends.new.acquire_timeout", "'500ms'")])?;
    host_of_equal_sides(&site).await?.stop().await?;
    let server = Pid::from_raw(i32::try_from(site.new.process().context("new does not run")?)?);
    kill(server, Signal::SIGSTOP)?;
    let host = site.host().await?;
    let began = Instant::now();
    let read = host.get(TEST_PHONE).await?;
    assert_eq!((read.status.as_u16(), read.backend()), (200, "old"));
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
    assert_unavailable(
        &host.write(Method::PATCH, TEST_PHONE, &json!({"notes": "x"})).await?,
        "new",
    );
    kill(server, Signal::SIGCONT)?;
    answered_by(&host, TEST_PHONE, "new").await;
    Ok(())
}

#[tokio::test]
async fn a_database_crash_loses_no_write_and_fails_no_read() -> Result<()> {
    const LATE: i64 = 40;
    let mut site = Site::set_up().await?;
    let host = site.host().await?;
    let cluster = &mut site.new;
    let acknowledged = std::cell::RefCell::new(Vec::new());
    let in_doubt = std::cell::RefCell::new(Vec::new());
    let recovered = std::cell::Cell::new(false);
    // Inserts bookings of the test phone, one after the other, until some of them succeed after the crash.
    let writes = async {
        let mut late = 0;
        for record in 1.. {
            let booking = json!({"yclients_record_id": record, "company_id": 1, "client_phone": "89686484488",
                                 "datetime": "2026-04-01T10:00:00Z"});
            let answer = host
                .write(Method::POST, "/rest/v1/bookings?select=id", &booking)
                .await?;
            match answer.status.as_u16() {
                201 => acknowledged.borrow_mut().push(record),
                503 if answer.text.contains("the write may have been done") => in_doubt.borrow_mut().push(record),
                status => ensure!(status == 503, "{status}: {}", answer.text),
            }
            late += i64::from(recovered.get() && answer.status == 201);
            if late == LATE {
                break;
            }
        }
        recovered.set(false);
        anyhow::Ok(())
    };
    let crash = async {
        eventually("some writes are acknowledged", async || {
            (acknowledged.borrow().len() > 50).then_some(())
        })
        .await;
        cluster.kill().await?;
        cluster.restart().await?;
        recovered.set(true);
        anyhow::Ok(())
    };
    let reads = async {
        let mut fallen_back = 0;
        while !recovered.get() {
            let answer = host.get(TEST_PHONE).await?;
            ensure!(answer.status == 200, "a read failed: {}", answer.text);
            fallen_back += i32::from(answer.backend() == "old");
        }
        ensure!(fallen_back > 0, "nobody noticed the crash");
        anyhow::Ok(())
    };
    let (written, crashed, read) = tokio::join!(writes, crash, reads);
    written?;
    crashed?;
    read?;
    let (old, new) = site.databases().await?;
    let (acknowledged, in_doubt) = (acknowledged.into_inner(), in_doubt.into_inner());
    let there = "select yclients_record_id from bookings where yclients_record_id < 1000000 order by 1";
    let kept: Vec<i64> = sqlx::query_scalar(there).fetch_all(&new).await?;
    let lost: Vec<_> = acknowledged.iter().filter(|record| !kept.contains(record)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let unsaid: Vec<_> = kept
        .iter()
        .filter(|record| !acknowledged.contains(record) && !in_doubt.contains(record))
        .collect();
    assert!(
        unsaid.is_empty(),
        "done, though the answer was that nothing was done: {unsaid:?}"
    );
    eventually("what new kept is on old too, and nothing else", async || {
        let mirrored: Vec<i64> = sqlx::query_scalar(there).fetch_all(&old).await.ok()?;
        (mirrored == kept).then_some(())
    })
    .await;
    Ok(())
}
