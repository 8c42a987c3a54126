//! A handoff while somebody writes directly to a database.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use sqlx::PgPool;
use turnout_tests::{Host, Site, eventually};

use crate::handoff::{self, NEW};

async fn dual_writing(budget: &str) -> Result<(Site, Host, PgPool, PgPool)> {
    let (site, host) = handoff::dual_writing(budget).await?;
    let (old, new) = site.databases().await?;
    Ok((site, host, old, new))
}

/// Makes a change of client 8 on `old` wait for a row lock on `new`, and begins a handoff. Returns when the fences of the handoff are up.
async fn hold_up_a_handoff(
    site: &Site,
    host: &Host,
    new: &PgPool,
) -> Result<sqlx::Transaction<'static, sqlx::Postgres>> {
    let mut held = new.begin().await?;
    sqlx::query("select from clients where id = 8 for update")
        .execute(&mut *held)
        .await?;
    let written = host
        .write(Method::PATCH, "/rest/v1/clients?id=eq.8", &json!({ "notes": "older" }))
        .await?;
    assert_eq!((written.status.as_u16(), written.backend()), (200, "old"));
    site.route(NEW)?;
    eventually("the fence of new is up", async || {
        let fence: i64 = sqlx::query_scalar("select turnout.lowest_epoch()")
            .fetch_one(new)
            .await
            .ok()?;
        (fence == 2).then_some(())
    })
    .await;
    Ok(held)
}

async fn notes(database: &PgPool, client: i32) -> Option<String> {
    sqlx::query_scalar("select notes from clients where id = $1")
        .bind(client)
        .fetch_one(database)
        .await
        .ok()?
}

#[tokio::test]
async fn a_replaced_direct_write_raises_an_alert() -> Result<()> {
    let (site, host, _, new) = dual_writing("'15s'").await?;
    let mut held = hold_up_a_handoff(&site, &host, &new).await?;
    let phone: String = sqlx::query_scalar("update clients set notes = 'direct' where id = 8 returning phone")
        .fetch_one(&mut *held)
        .await?;
    held.commit().await?;
    let status = host
        .status_with("the handoff is over", |status| {
            status["epoch"] == 2 && status["leaving"] == json!([]) && status["alerts"] != json!([])
        })
        .await;
    let alert = &status["alerts"][0];
    let message = alert["message"].as_str().unwrap();
    assert_eq!(
        (&alert["kind"], &alert["severity"]),
        (&json!("direct_write"), &json!("warning"))
    );
    assert!(
        message.contains("rows of repository clients were written directly on backend new"),
        "{message}"
    );
    assert!(
        !message.contains(&phone[3..]) && !host.log().contains(&phone[3..]),
        "{message}"
    );
    Ok(())
}

#[tokio::test]
async fn a_direct_write_during_an_abandoned_handoff_is_mirrored() -> Result<()> {
    let (site, host, old, new) = dual_writing("'2s'").await?;
    let held = hold_up_a_handoff(&site, &host, &new).await?;
    sqlx::query("update clients set notes = 'direct' where id = 9")
        .execute(&old)
        .await?;
    host.status_with("the handoff is abandoned", |status| {
        status["epoch"] == 3 && status["leaving"] == json!([]) && !status["refused"].is_null()
    })
    .await;
    held.rollback().await?;
    eventually("new has the direct write", async || {
        (notes(&new, 9).await.as_deref() == Some("direct")).then_some(())
    })
    .await;
    let diverged: i64 = sqlx::query_scalar("select count(*) from turnout.divergence")
        .fetch_one(&old)
        .await?;
    assert_eq!(diverged, 0);
    Ok(())
}
