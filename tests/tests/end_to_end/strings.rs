//! Whatever the text of a request is, the answer is rows or an error of the caller, never an error of the host or of the database's limits.

use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use turnout_tests::Site;
use turnout_tests::fuzz::{Fuzz, answered_honestly};

/// How long requests are sent by chance. `cargo xtask fuzz` sends them for as long as one likes.
const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn no_query_string_is_an_error_of_the_host() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let sent = Fuzz::new(60).run(&site, &host, MINUTE).await?;
    assert!(sent > 1000, "{sent} requests in a minute");
    Ok(())
}

#[tokio::test]
async fn unknown_types_and_too_large_requests_are_the_callers_error() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    let nested = |open: &str, close: &str, levels: usize| format!("{}{}", open.repeat(levels), close.repeat(levels));
    let ids = |number: usize| vec!["id"; number].join(",");
    for query in [
        "select=id::2text".to_owned(),
        "select=id::text%20%20text".to_owned(),
        format!("select={}", ids(1665)),
        format!("order={}", ids(1700)),
        format!("settings=eq.{}", nested("[", "]", 30_000)),
        format!("id=eq.{}", nested("(", ")", 14_000)),
        format!("or={}", nested("(or", ")", 9_000)),
    ] {
        let path = format!("/rest/v1/companies?{query}");
        let status = answered_honestly(&host, Method::GET, &path, &Value::Null).await?;
        assert!(
            (400..500).contains(&status) || query.starts_with("order"),
            "{status}: {query:.40}"
        );
    }
    for levels in [600, 14_500, 100_000] {
        let body = format!(r#"{{"settings":{}}}"#, nested("[", "]", levels));
        let transaction = format!(
            r#"{{"operations":[{{"action":"update","repository":"companies","filter":"id=eq.1","rows":{body}}}]}}"#
        );
        for (method, path, body) in [
            (Method::PATCH, "/rest/v1/companies?id=eq.1", body),
            (Method::POST, "/v1/transactions", transaction),
        ] {
            let request = host
                .request(method, path)
                .header("content-type", "application/json")
                .body(body);
            let refused = host.send(request).await?;
            assert_eq!(
                (refused.status.as_u16(), &refused.json()["code"]),
                (400, &json!("54001")),
                "{path} {levels}"
            );
        }
    }
    let stored: i64 = sqlx::query_scalar("select count(*) from companies where jsonb_typeof(settings) = 'array'")
        .fetch_one(&old)
        .await?;
    assert_eq!(stored, 0);
    Ok(())
}

#[tokio::test]
async fn a_request_that_is_no_http_gets_an_error_body() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let long = format!("GET /rest/v1/clients?id=eq.{} HTTP/1.1", "1".repeat(70_000));
    for (line, status) in [
        ("GET /rest/v1/clients?name=eq.\"x\" HTTP/1.1", 400),
        ("GET /rest/v1/clients HTTP/7.1", 400),
        (long.as_str(), 414),
    ] {
        let mut connection = TcpStream::connect(host.address()).await?;
        connection
            .write_all(format!("{line}\r\nhost: x\r\n\r\n").as_bytes())
            .await?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        let body: Value = serde_json::from_str(body)?;
        assert_eq!(body["code"], "TURNOUT_HTTP");
    }
    Ok(())
}
