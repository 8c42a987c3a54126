//! The limits of one request, and the answers to requests that exceed them.

use std::time::Duration;

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{PgPool, Postgres, Transaction};
use turnout_tests::{Site, eventually};

/// Locks the services against everybody until the transaction is dropped.
pub(crate) async fn lock(database: &PgPool) -> Result<Transaction<'static, Postgres>> {
    let mut lock = database.begin().await?;
    sqlx::query("lock table services").execute(&mut *lock).await?;
    Ok(lock)
}

/// Waits until a session waits for a lock.
pub(crate) async fn somebody_waits(database: &PgPool) {
    eventually("a statement waits for the lock", async || {
        let waiting = "select true from pg_stat_activity where wait_event_type = 'Lock' limit 1";
        sqlx::query_scalar::<_, bool>(waiting)
            .fetch_optional(database)
            .await
            .ok()?
    })
    .await;
}

#[tokio::test]
async fn a_too_large_body_is_refused_and_not_written() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("api.body_limit_kib", "2")])?;
    let host = site.host().await?;
    let row = |size: usize| json!({"title": "x".repeat(size)});
    let fits = host
        .write(Method::POST, "/rest/v1/services?select=id", &row(2000))
        .await?;
    assert_eq!(fits.status, 201);
    let large = host
        .write(Method::POST, "/rest/v1/services?select=id", &row(2048))
        .await?;
    assert_eq!(large.status, 413);
    assert_eq!(
        large.json(),
        json!({"code": "TURNOUT_TOO_LARGE", "details": null, "hint": null, "message": "The body is larger than 2048 bytes"})
    );
    let (old, _) = site.databases().await?;
    let rows: i64 = sqlx::query_scalar("select count(*) from services")
        .fetch_one(&old)
        .await?;
    assert_eq!(rows, 25);
    Ok(())
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("api.request_timeout", "'300ms'")])?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    let locked = lock(&old).await?;
    let late = host.get("/rest/v1/services?id=eq.1").await?;
    assert_eq!(
        (late.status.as_u16(), &late.json()["code"]),
        (504, &json!("TURNOUT_TIMEOUT"))
    );
    assert_eq!(late.json()["message"], "No answer within 300ms");
    locked.rollback().await?;
    assert_eq!(host.get("/rest/v1/services?id=eq.1").await?.status, 200);
    eventually("the statement that was given up ends", async || {
        let running = "select count(*) from pg_stat_activity where state = 'active' and query like '%services%' \
                       and pid <> pg_backend_pid()";
        let running: i64 = sqlx::query_scalar(running).fetch_one(&old).await.ok()?;
        (running == 0).then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_slow_statement_is_ended_by_its_database() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("backends.old.statement_timeout", "'200ms'")])?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    let locked = lock(&old).await?;
    let late = host.get("/rest/v1/services?id=eq.1").await?;
    assert_eq!((late.status.as_u16(), &late.json()["code"]), (504, &json!("57014")));
    assert_eq!(
        (late.backend(), &late.json()["message"]),
        ("old", &json!("canceling statement due to statement timeout"))
    );
    let written = host
        .write(Method::PATCH, "/rest/v1/services?id=eq.1", &json!({"minutes": 1}))
        .await?;
    assert_eq!(
        (written.status.as_u16(), &written.json()["code"]),
        (504, &json!("57014"))
    );
    locked.rollback().await?;
    let minutes = host.get("/rest/v1/services?id=eq.1&select=minutes").await?;
    assert_eq!(
        minutes.json(),
        json!([{"minutes": 60}]),
        "what ran out of time was not done"
    );
    Ok(())
}

#[tokio::test]
async fn a_full_host_refuses_operations_and_shows_its_status() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("api.concurrency", "1")])?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    let locked = lock(&old).await?;
    let hanging = async {
        let answer = host.get("/rest/v1/services?id=eq.1&select=id").await;
        answer.map(|answer| answer.json())
    };
    let meanwhile = async {
        somebody_waits(&old).await;
        let refused = host.get("/rest/v1/staff?id=eq.1").await?;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "1"));
        assert_eq!(refused.json()["code"], "TURNOUT_UNAVAILABLE");
        for path in ["/healthz", "/readyz", "/v1/status", "/metrics"] {
            assert_eq!(host.get(path).await?.status, 200, "{path}");
        }
        locked.rollback().await?;
        anyhow::Ok(())
    };
    let (served, checked) = tokio::join!(hanging, meanwhile);
    checked?;
    assert_eq!(served?, json!([{"id": 1}]), "who was in was served");
    assert_eq!(host.get("/rest/v1/staff?id=eq.1").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn an_exhausted_pool_refuses_after_its_timeout() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("backends.old.pool", "1"), ("backends.old.acquire_timeout", "'300ms'")])?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    let locked = lock(&old).await?;
    let change = json!({"minutes": 5});
    let hanging = host.write(Method::PATCH, "/rest/v1/services?id=eq.1&select=id", &change);
    let meanwhile = async {
        somebody_waits(&old).await;
        let began = std::time::Instant::now();
        let refused = host.get("/rest/v1/clients?id=eq.2").await?;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "1"));
        let body: Value = refused.json();
        assert_eq!(body["code"], "TURNOUT_UNAVAILABLE");
        assert!(
            body["message"].as_str().is_some_and(|message| message.contains("busy")),
            "{body}"
        );
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        locked.rollback().await?;
        anyhow::Ok(())
    };
    let (served, checked) = tokio::join!(hanging, meanwhile);
    checked?;
    assert_eq!(served?.json(), json!([{"id": 1}]));
    let status = host.get("/v1/status").await?.json();
    assert_eq!(status["backends"]["old"]["up"], true, "busy is not down: {status}");
    Ok(())
}
