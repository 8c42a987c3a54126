//! `Prefer: count=`: how many rows match, counted or estimated.

use anyhow::Result;
use reqwest::Method;
use turnout_tests::{Host, Site};

/// The status and `Content-Range` of a read with this preference.
async fn counted(host: &Host, path: &str, count: &str) -> Result<(u16, String)> {
    let prefer = format!("count={count}");
    let answer = super::with(host, Method::GET, path, ("prefer", &prefer)).await?;
    assert_eq!(answer.header("preference-applied"), prefer, "{}", answer.text);
    Ok((answer.status.as_u16(), answer.header("content-range").to_owned()))
}

/// A site on whose side `old` the planner takes the 1,299 clients for 5,000.
async fn misjudged() -> Result<(Site, Host)> {
    let site = Site::set_up().await?;
    let (old, _) = site.databases().await?;
    sqlx::raw_sql("analyze clients; analyze staff; update pg_class set reltuples = 5000 where relname = 'clients'")
        .execute(&old)
        .await?;
    let host = site.host().await?;
    Ok((site, host))
}

#[tokio::test]
async fn a_planned_count_is_the_planners_estimate() -> Result<()> {
    let (_site, host) = misjudged().await?;
    for (path, expected) in [
        ("clients?select=id&limit=2", (206, "0-1/5000")),
        ("clients?select=id", (206, "0-1298/5000")),
        ("clients?select=id&id=eq.3", (200, "0-0/1")),
        ("clients?select=id&offset=6000", (416, "*/5000")),
        ("staff?select=id&limit=2", (206, "0-1/8")),
    ] {
        let (status, range) = counted(&host, &format!("/rest/v1/{path}"), "planned").await?;
        assert_eq!((status, range.as_str()), expected, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn an_estimated_count_is_exact_while_rows_are_few() -> Result<()> {
    let (_site, host) = misjudged().await?;
    for (path, expected) in [
        ("clients?select=id&limit=2", (206, "0-1/5000")),
        ("clients?select=id&limit=2&id=lte.100", (206, "0-1/100")),
        // All rows are in the answer, so their number is known.
        ("clients?select=id", (200, "0-1298/1299")),
        ("staff?select=id&limit=2", (206, "0-1/8")),
    ] {
        let (status, range) = counted(&host, &format!("/rest/v1/{path}"), "estimated").await?;
        assert_eq!((status, range.as_str()), expected, "{path}");
    }
    Ok(())
}
