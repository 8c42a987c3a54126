//! A side is restored from a base backup: no authority moves to it or away from it until a person says which side's rows count.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{PgPool, raw_sql};
use turnout_tests::{Host, Site, eventually};
use turnout_vocabulary::Backend;

const DUAL_WRITE: &str = "[default]\nstage = 'dualwrite'\n";
const LIVE: &str = "[default]\nstage = 'live'\n";

async fn names(database: &PgPool) -> Option<String> {
    let query = "select string_agg(name, ',' order by id) from clients where id > 1000000";
    sqlx::query_scalar(query).fetch_one(database).await.ok()?
}

async fn insert(database: &PgPool, ids: std::ops::Range<u32>) -> Result<()> {
    for id in ids {
        let row = format!("insert into clients (id, name) values ({id}, 'written {id}')");
        raw_sql(sqlx::AssertSqlSafe(row)).execute(database).await?;
    }
    Ok(())
}

/// Restores a side to a time before twenty rows were written to `old` and mirrored to `new`.
async fn restored(backend: Backend) -> Result<(Site, Host)> {
    let mut site = Site::set_up().await?;
    site.route(DUAL_WRITE)?;
    let host = site.host().await?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    let (old, new) = site.databases().await?;
    insert(&old, 1_000_001..1_000_003).await?;
    eventually("the first rows are mirrored", async || {
        (names(&new).await == names(&old).await).then_some(())
    })
    .await;
    let cluster = if backend == Backend::Old {
        &mut site.old
    } else {
        &mut site.new
    };
    let backup = cluster.back_up().await?;
    insert(&old, 1_000_010..1_000_030).await?;
    eventually("the rows are mirrored", async || {
        (names(&new).await == names(&old).await).then_some(())
    })
    .await;
    eventually("new was shown that old has acknowledged them", async || {
        let ticks = "select tick from turnout.lease where direction = 'outgoing'";
        let shown = "select shown from turnout.lease where direction = 'incoming'";
        let tick: i64 = sqlx::query_scalar(ticks).fetch_one(&old).await.ok()?;
        let shown: i64 = sqlx::query_scalar(shown).fetch_one(&new).await.ok()?;
        (tick == shown).then_some(())
    })
    .await;
    let cluster = if backend == Backend::Old {
        &mut site.old
    } else {
        &mut site.new
    };
    cluster.restore(backup).await?;
    Ok((site, host))
}

#[tokio::test]
async fn a_restored_side_keeps_authority_in_place_until_a_rejoin() -> Result<()> {
    for (side, counts) in [(Backend::New, Backend::Old), (Backend::Old, Backend::New)] {
        let (site, host) = restored(side).await?;
        let status = host
            .status_with("the status names the side", |status| status["restored"] != Value::Null)
            .await;
        assert_eq!(status["restored"]["backend"], side.as_str());
        let alerts = status["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let told = alerts.iter().find(|alert| alert["kind"] == "restored");
        let told = told.and_then(|alert| alert["message"].as_str()).unwrap_or_default();
        assert!(told.contains("turnout rejoin"), "{status}");
        site.route(LIVE)?;
        let status = host
            .status_with("the change is refused", |status| status["refused"] != Value::Null)
            .await;
        let reason = status["refused"].to_string();
        assert!(reason.contains(&format!("backend {side} was restored")), "{reason}");
        assert_eq!(status["epoch"], 1);

        let rejoin = host
            .bare(Method::POST, "/v1/rejoin")
            .header("apikey", Site::ADMIN_KEY)
            .json(&json!({ "side": counts.as_str() }));
        let answer = host.send(rejoin).await?;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let (old, new) = site.databases().await?;
        eventually("both sides have all rows", async || {
            let (of_old, of_new) = (names(&old).await?, names(&new).await?);
            (of_old == of_new && of_old.matches("written").count() == 22).then_some(())
        })
        .await;
        host.status_with("no side counts as restored", |status| status["restored"] == Value::Null)
            .await;
    }
    Ok(())
}
