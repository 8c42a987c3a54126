//! A read says which changes it may miss, and never misses those of its own subject.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use sqlx::{PgPool, Postgres, Transaction};
use turnout_tests::{Answer, Host, Site, eventually};

const OF_TEST_PHONE: &str = "/rest/v1/bookings?client_phone=eq.89686484488&comment=eq.fresh&select=comment";
const CLIENT: &str = "/rest/v1/clients?phone=eq.89686484488&select=notes";
const OF_NOBODY: &str = "/rest/v1/bookings?comment=eq.fresh&select=comment";

/// Locks the bookings against the mirror, and against no reader, until the lock is dropped.
async fn hold_bookings(old: &PgPool) -> Result<Transaction<'static, Postgres>> {
    let mut held = old.begin().await?;
    sqlx::query("lock table bookings in share mode")
        .execute(&mut *held)
        .await?;
    Ok(held)
}

async fn book(host: &Host) -> Result<Answer> {
    let row = json!({"client_phone": "89686484488", "comment": "fresh", "datetime": "2026-11-24T10:00:00Z"});
    host.write(Method::POST, "/rest/v1/bookings", &row).await
}

#[tokio::test]
async fn a_read_across_authorities_waits_or_says_its_staleness() -> Result<()> {
    let site = Site::set_up().await?;
    // Longer than any stall of a busy machine.
    site.configure(&[("reads.wait", "'3s'")])?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    for round in 1..=10 {
        assert_eq!(book(&host).await?.backend(), "new");
        let read = host.get(OF_NOBODY).await?;
        assert_eq!((read.status.as_u16(), read.backend()), (200, "old"));
        assert_eq!(read.header("x-turnout-staleness"), "");
        assert_eq!(read.json().as_array().map(Vec::len), Some(round));
    }

    let held = hold_bookings(&old).await?;
    assert_eq!(book(&host).await?.header("x-turnout-mirror"), "pending");
    let stale = host.get(OF_NOBODY).await?;
    assert_eq!(stale.json().as_array().map(Vec::len), Some(10));
    let age: u64 = stale.header("x-turnout-staleness").parse()?;
    assert!((100..20_000).contains(&age), "{age}");
    let named = host.get(OF_TEST_PHONE).await?;
    assert_eq!((named.backend(), named.header("x-turnout-staleness")), ("new", ""));
    assert_eq!(named.json().as_array().map(Vec::len), Some(11));
    held.rollback().await?;
    eventually("the read misses nothing", async || {
        let read = host.get(OF_NOBODY).await.ok()?;
        (read.header("x-turnout-staleness").is_empty() && read.json().as_array()?.len() == 11).then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_fallback_read_never_misses_its_subjects_own_writes() -> Result<()> {
    let mut site = Site::set_up().await?;
    // Longer than any stall of a busy machine.
    site.put("dual-write.toml", "mirror = 'sync'\nsync_bound_ms = 3000\n")?;
    let host = site.host().await?;
    // A read leaves the authority only where both sides are known to be equal.
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    let (old, new) = site.databases().await?;
    assert_eq!(book(&host).await?.header("x-turnout-mirror"), "done");
    let noted = host.write(Method::PATCH, CLIENT, &json!({"notes": "fresh"})).await?;
    assert_eq!(noted.header("x-turnout-mirror"), "done", "{}", noted.text);
    new.close().await;
    site.new.stop().await?;
    let read = host.get(CLIENT).await?;
    assert_eq!(
        (read.backend(), read.json()),
        ("old", json!([{"notes": "fresh"}])),
        "{}",
        read.text
    );
    let read = host.get(OF_TEST_PHONE).await?;
    assert_eq!((read.backend(), read.json()), ("old", json!([{"comment": "fresh"}])));
    assert_ne!(read.header("x-turnout-staleness"), "");

    site.new.restart().await?;
    eventually("new answers again", async || {
        (host.get(OF_TEST_PHONE).await.ok()?.backend() == "new").then_some(())
    })
    .await;
    let held = hold_bookings(&old).await?;
    let written = eventually("the booking is written", async || {
        book(&host).await.ok().filter(|answer| answer.status == 201)
    })
    .await;
    assert_eq!(written.header("x-turnout-mirror"), "pending");
    site.new.stop().await?;
    let refused = host.get(OF_TEST_PHONE).await?;
    assert_eq!(
        (refused.status.as_u16(), refused.backend()),
        (503, "new"),
        "{}",
        refused.text
    );
    let others = host.get(CLIENT).await?;
    assert_eq!(
        (others.status.as_u16(), others.backend()),
        (200, "old"),
        "{}",
        others.text
    );
    held.rollback().await?;

    site.new.restart().await?;
    eventually("what was held up is mirrored", async || {
        let rows = "select count(*) from bookings where comment = 'fresh'";
        (sqlx::query_scalar::<_, i64>(rows).fetch_one(&old).await.ok()? == 2).then_some(())
    })
    .await;
    Ok(())
}
