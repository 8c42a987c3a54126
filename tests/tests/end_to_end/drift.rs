//! A schema that changes during a migration is kept on record once, and people hear of it.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use sqlx::{PgPool, raw_sql};
use turnout_tests::{Host, Site, eventually};

/// What the looks on record say changed: one list of objects for each.
async fn kept(new: &PgPool) -> Option<Vec<Value>> {
    let changes = "select (result -> 'changes')::text from turnout.evidence where kind = 'drift' order by number";
    let changes: Vec<String> = sqlx::query_scalar(changes).fetch_all(new).await.ok()?;
    changes.iter().map(|text| serde_json::from_str(text).ok()).collect()
}

/// What a host's alerts say of changed schemas.
async fn told(host: &Host) -> Option<Vec<String>> {
    let status = host.get("/v1/status").await.ok()?.json();
    let alerts = status["alerts"].as_array()?.iter();
    let drift = alerts.filter(|alert| alert["kind"] == "drift");
    drift.map(|alert| Some(alert["message"].as_str()?.to_owned())).collect()
}

/// Waits until so many looks are on record.
async fn looks(new: &PgPool, many: usize) -> Vec<Value> {
    eventually("the look is on record", async || {
        kept(new).await.filter(|kept| kept.len() == many)
    })
    .await
}

#[tokio::test]
async fn a_changed_schema_is_told_once_with_both_definitions() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("drift.every", "'1s'")])?;
    let hosts = [site.host().await?, site.host().await?];
    let (_, new) = site.databases().await?;
    assert_eq!(looks(&new, 1).await, [json!([])], "the first look changes nothing");

    raw_sql("alter table clients add column vip integer default 7")
        .execute(&new)
        .await?;
    let changes = looks(&new, 2).await.remove(1);
    assert_eq!(
        [
            &changes[0]["kind"],
            &changes[0]["table"],
            &changes[0]["object"],
            &changes[1]
        ],
        [&json!("column"), &json!("public.clients"), &json!("vip"), &Value::Null],
        "{changes:#}"
    );
    assert_eq!(changes[0]["definitions"]["old"], Value::Null);
    let definition = changes[0]["definitions"]["new"].as_str().unwrap_or_default();
    assert!(
        definition.contains("integer") && definition.contains('7'),
        "{definition}"
    );

    // Both hosts look a few times more.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(looks(&new, 2).await.len(), 2);
    let mut alerts = Vec::new();
    for host in &hosts {
        alerts.extend(told(host).await.unwrap_or_default());
    }
    let words = format!("table public.clients: column vip: old has nothing; new has {definition}");
    assert!(alerts.len() == 1 && alerts[0].contains(&words), "{alerts:?}");

    raw_sql("alter table clients drop column vip").execute(&new).await?;
    let changes = looks(&new, 3).await.remove(2);
    assert_eq!(
        (&changes[0]["object"], changes[0].get("definitions")),
        (&json!("vip"), None)
    );
    Ok(())
}

#[tokio::test]
async fn an_announced_change_is_looked_at_at_once() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("drift.every", "'1h'")])?;
    let host = site.host().await?;
    let (old, new) = site.databases().await?;
    looks(&new, 1).await;
    raw_sql("alter table clients add check (visit_count > -1000)")
        .execute(&old)
        .await?;
    let changes = eventually("the change is on record", async || {
        // Nobody hears an announcement before the host listens.
        raw_sql("notify pgrst, 'reload schema'").execute(&old).await.ok()?;
        kept(&new).await.filter(|kept| kept.len() == 2)
    })
    .await;
    assert_eq!(changes[1][0]["kind"], "check", "{changes:?}");
    let told = eventually("the host tells", async || {
        told(&host).await.filter(|told| !told.is_empty())
    })
    .await;
    assert!(told[0].contains("CHECK ((visit_count > '-1000'"), "{told:?}");
    Ok(())
}
