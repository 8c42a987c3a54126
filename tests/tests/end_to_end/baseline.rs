//! `turnout baseline` measures both sides, keeps what it measured, and names what is slower.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use turnout_tests::{Host, Proxy, Site, Traffic, turnout};

/// A site whose host has recorded reads.
async fn recorded() -> Result<(Site, Host)> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;
    for path in [
        "clients?phone=eq.89686484488",
        "clients?phone=eq.89990000001",
        "services?limit=3",
    ] {
        assert!(host.get(&format!("/rest/v1/{path}")).await?.status.is_success());
    }
    Ok((site, host))
}

/// Runs a command with `--json`; its exit status and what it prints.
fn json_of(site: &Site, arguments: &[&str]) -> Result<(Option<i32>, Value)> {
    let mut command = turnout();
    command.arg("--config").arg(site.config()).args(arguments).arg("--json");
    let output = command.output()?;
    let printed = serde_json::from_slice(&output.stdout);
    let printed = printed.with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok((output.status.code(), printed))
}

/// The names of the operations that were measured.
fn names(printed: &Value) -> Vec<&str> {
    let operations = printed["operations"].as_array().into_iter().flatten();
    operations.filter_map(|operation| operation["name"].as_str()).collect()
}

/// How many rows the tables of the application have together, and whether a scratch table is left.
async fn left_behind(database: &PgPool) -> Result<(i64, bool)> {
    let query =
        "select (select count(*) from clients) + (select count(*) from bookings) + (select count(*) from services),
        to_regclass('turnout.scratch') is not null";
    Ok(sqlx::query_as(query).fetch_one(database).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_of_bots_are_measured_on_both_sides() -> Result<()> {
    let (site, _host) = recorded().await?;
    let (old, new) = site.databases().await?;
    let before = (left_behind(&old).await?, left_behind(&new).await?);
    let (status, printed) = json_of(&site, &["baseline", "--samples", "20"])?;
    assert_eq!(
        names(&printed),
        [
            "lookup of clients by phone",
            "clients with bookings by phone",
            "search in clients.name",
            "insert of 100 rows",
            "recorded read of clients by subject",
            "recorded read of services without a subject",
        ],
        "{printed}"
    );
    assert_eq!(printed["left_out"], json!([]));
    assert_eq!(status, Some(i32::from(printed["slower"] != json!([]))), "{printed}");
    for operation in printed["operations"].as_array().into_iter().flatten() {
        for side in ["old", "new"] {
            let timings = &operation["sides"][side];
            let ms = |key: &str| timings[key].as_f64().unwrap_or_default();
            assert!(0.0 < ms("median_ms") && ms("median_ms") <= ms("p95_ms"), "{operation}");
            assert!(timings["rows"].as_u64() >= Some(20), "{operation}");
        }
    }
    assert_eq!((left_behind(&old).await?, left_behind(&new).await?), before);
    assert!(!before.0.1 && !before.1.1);

    let kept = "select kind, result::text from turnout.evidence where kind not in ('drift', 'backfill')";
    let (kind, result): (String, String) = sqlx::query_as(kept).fetch_one(&new).await?;
    assert_eq!(kind, "baseline");
    let phones: Vec<String> = sqlx::query_scalar("select phone from clients where phone is not null")
        .fetch_all(&old)
        .await?;
    assert!(!phones.iter().any(|phone| result.contains(phone.as_str())));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn side_that_became_slower_is_named() -> Result<()> {
    let site = Site::set_up().await?;
    let upstream: PgConnectOptions = site.new.url().parse()?;
    let proxy = Proxy::start((Ipv4Addr::LOCALHOST, upstream.get_port()).into()).await?;
    let port = |port: u16| format!(":{port}/");
    let url = site
        .new
        .url()
        .replace(&port(upstream.get_port()), &port(proxy.address().port()));
    site.configure(&[("backends.new.url", &format!("'{url}'"))])?;

    let (_, first) = json_of(&site, &["baseline", "--samples", "20"])?;
    assert!(
        first["left_out"][0]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("no host answers")),
        "{first}"
    );
    let (succeeded, _, err) = site.said(&["baseline", "compare"])?;
    assert!(!succeeded && err.contains("run `turnout baseline` once more"), "{err}");

    proxy.set(Traffic::Slow(Duration::from_millis(20)));
    let (status, second) = json_of(&site, &["baseline", "--samples", "20"])?;
    assert_eq!(
        (status, &second["slower"]),
        (Some(1), &json!(names(&second))),
        "{second}"
    );
    let (status, compared) = json_of(&site, &["baseline", "compare"])?;
    let slower: Vec<String> = names(&second).iter().map(|name| format!("{name} on new")).collect();
    let found = compared["slower"].as_array().into_iter().flatten();
    let on_new: Vec<_> = found
        .filter_map(Value::as_str)
        .filter(|name| name.ends_with(" on new"))
        .collect();
    assert_eq!(
        (status, on_new),
        (Some(1), slower.iter().map(String::as_str).collect()),
        "{compared}"
    );
    assert_eq!(compared["earlier"], first["evidence"]);

    let (_, text, _) = site.said(&["baseline", "compare", "--with", &first["evidence"].to_string()])?;
    assert!(
        text.contains("insert of 100 rows on new") && text.contains("  slower\n"),
        "{text}"
    );
    Ok(())
}
