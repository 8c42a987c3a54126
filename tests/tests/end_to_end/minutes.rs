//! What a host did is kept minute by minute on `new`, beside the requests.

use std::net::Ipv4Addr;

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use turnout_tests::{Proxy, Site, Traffic};

/// How many operations are kept of a kind, how many failed, and how many latencies.
async fn kept(new: &PgPool, action: &str, backend: &str) -> Result<(i64, i64, i64)> {
    let query = "select coalesce(sum(operations), 0)::bigint, coalesce(sum(errors), 0)::bigint,
            coalesce(sum((select sum(count) from unnest(latency) as count)), 0)::bigint
        from turnout.minutes where repository = 'clients' and action = $1 and backend = $2";
    let counts = sqlx::query_as(query).bind(action).bind(backend).fetch_one(new).await?;
    Ok(counts)
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_reads_compared_and_mirror_are_kept_by_minute() -> Result<()> {
    let site = Site::set_up().await?;
    site.route("[default]\nstage = 'shadow'\n")?;
    let host = site.host().await?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    for _ in 0..5 {
        host.get("/rest/v1/clients?phone=eq.89686484488&select=id").await?;
    }
    let refused = host
        .write(Method::POST, "/rest/v1/clients", &json!({"phone": "89990002222"}))
        .await?;
    assert_eq!(refused.status, 400, "{}", refused.text);
    host.status_with("the mirror was looked at", |status| status["mirror"]["old"].is_object())
        .await;
    // The counts of comparisons are on their way for two seconds.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    host.stop().await?;

    let (_, new) = site.databases().await?;
    assert_eq!(kept(&new, "find", "old").await?, (5, 0, 5));
    assert_eq!(kept(&new, "insert", "old").await?, (1, 1, 1));
    let compared: i64 = sqlx::query_scalar("select sum(equal)::bigint from turnout.minutes where action = 'compare'")
        .fetch_one(&new)
        .await?;
    assert_eq!(compared, 5);
    let mirror: i64 = sqlx::query_scalar(
        "select count(*) from turnout.minutes where action = 'mirror' and backend = 'old' and dirty >= 0 and mirror_age_ms >= 0",
    )
    .fetch_one(&new)
    .await?;
    assert!(mirror > 0);

    // The record of epochs forgets those that repeat a set.
    sqlx::query("delete from turnout.epoch").execute(&new).await?;
    let handoffs: i64 =
        sqlx::query_scalar("select count(*) from turnout.handoffs_since('-infinity') where seconds >= 0")
            .fetch_one(&new)
            .await?;
    assert!(handoffs > 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn minutes_do_not_hold_up_operations_while_new_is_down() -> Result<()> {
    let site = Site::set_up().await?;
    let upstream: PgConnectOptions = site.new.url().parse()?;
    let proxy = Proxy::start((Ipv4Addr::LOCALHOST, upstream.get_port()).into()).await?;
    let port = |port: u16| format!(":{port}/");
    let url = site
        .new
        .url()
        .replace(&port(upstream.get_port()), &port(proxy.address().port()));
    site.configure(&[("backends.new.url", &format!("'{url}'"))])?;
    site.route("[default]\nstage = 'off'\n")?;
    let host = site.host().await?;
    proxy.set(Traffic::Cut);
    let began = std::time::Instant::now();
    let answer = host.get("/rest/v1/clients?phone=eq.89686484488&select=id").await?;
    assert!(answer.status.is_success(), "{}", answer.text);
    host.stop().await?;
    assert!(
        began.elapsed() < std::time::Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    let (_, new) = site.databases().await?;
    assert_eq!(kept(&new, "find", "old").await?, (0, 0, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn minute_that_is_told_twice_counts_once_and_old_ones_go() -> Result<()> {
    let site = Site::set_up().await?;
    let (_, new) = site.databases().await?;
    let minute = json!([{
        "minute": 60, "repository": "clients", "action": "find", "backend": "old",
        "operations": 7, "errors": 1, "latency": [5, 2], "mirror_age_ms": null, "dirty": null,
    }]);
    let alerts = json!([{"minute": 60, "kind": "gap", "severity": "warning", "alerts": 2}]);
    let add = |host: &'static str, minute: String| {
        sqlx::query("select turnout.add_minutes($1, $2::json, $3::json)")
            .bind(host)
            .bind(minute)
            .bind(alerts.to_string())
            .execute(&new)
    };
    for host in ["one", "one", "other"] {
        add(host, minute.to_string()).await?;
    }
    // A minute of 1970 goes with the next one that is kept.
    assert_eq!(kept(&new, "find", "old").await?, (7, 1, 7));
    let now: i64 = sqlx::query_scalar("select extract(epoch from now())::bigint")
        .fetch_one(&new)
        .await?;
    let mut present = minute.clone();
    present[0]["minute"] = json!(now / 60 * 60);
    for host in ["one", "one", "other"] {
        add(host, present.to_string()).await?;
    }
    assert_eq!(kept(&new, "find", "old").await?, (14, 2, 14));
    let summed: (i64, i64, Vec<i64>) =
        sqlx::query_as("select operations, errors, latency from turnout.minutes_since('-infinity', 60)")
            .fetch_one(&new)
            .await?;
    assert_eq!(summed, (14, 2, vec![10, 4]));
    Ok(())
}
