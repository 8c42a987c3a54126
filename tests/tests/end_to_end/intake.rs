//! Clients that send or read slowly, or never come back: what they cost the host and other clients.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use turnout_tests::{Host, Site};

use crate::limits::{lock, somebody_waits};

/// Far longer than any wait in these tests takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The beginning of a request with the administrator's key, which opens everything.
fn head(request: &str, more: &str) -> String {
    format!("{request} HTTP/1.1\r\nhost: x\r\napikey: {}\r\n{more}", Site::ADMIN_KEY)
}

/// Connects and sends this text.
async fn sending(host: &Host, text: &str) -> Result<TcpStream> {
    let mut connection = TcpStream::connect(host.address()).await?;
    connection.write_all(text.as_bytes()).await?;
    Ok(connection)
}

/// Waits until the host ends a connection, and returns what it sent before. A reset ends a connection too.
async fn rest_of(connection: &mut TcpStream) -> Result<String> {
    let mut came = Vec::new();
    let ended = timeout(PATIENCE, connection.read_to_end(&mut came)).await;
    drop(ended.context("the host keeps the connection")?);
    Ok(String::from_utf8(came)?)
}

/// The status and the body of the only answer on a connection that the host then ends.
async fn answer_on(connection: &mut TcpStream) -> Result<(String, Value)> {
    let answer = rest_of(connection).await?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .with_context(|| format!("no answer: {answer}"))?;
    let status = head.split(' ').nth(1).unwrap_or_default().to_owned();
    Ok((status, serde_json::from_str(body)?))
}

/// Reads one answer of a connection that stays open.
async fn one_answer(connection: &mut TcpStream) -> Result<String> {
    let mut came = String::new();
    while !came.ends_with("ok\n") {
        let mut part = [0; 1024];
        let read = timeout(PATIENCE, connection.read(&mut part)).await??;
        ensure!(read > 0, "the connection ended after {came:?}");
        came.push_str(std::str::from_utf8(&part[..read])?);
    }
    Ok(came)
}

#[tokio::test]
async fn connections_on_which_nothing_comes_are_cut() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("api.request_timeout", "'1s'"), ("api.idle_timeout", "'4s'")])?;
    let host = site.host().await?;
    let began = Instant::now();
    let mut half_line = sending(&host, "GET /heal").await?;
    let mut half_head = sending(&host, "GET /healthz HTTP/1.1\r\nhost:").await?;
    let mut silent = sending(&host, "").await?;
    let mut kept = sending(&host, &head("GET /healthz", "\r\n")).await?;
    assert!(one_answer(&mut kept).await?.starts_with("HTTP/1.1 200"));
    for half in [&mut half_line, &mut half_head] {
        assert_eq!(rest_of(half).await?, "");
    }
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    for idle in [&mut silent, &mut kept] {
        assert_eq!(rest_of(idle).await?, "");
    }
    assert!(began.elapsed() >= Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(host.get("/healthz").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn slow_bodies_take_no_place_and_are_given_up() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("api.concurrency", "1"), ("api.request_timeout", "'3s'")])?;
    let host = site.host().await?;
    let mut slow = Vec::new();
    for request in [
        "POST /rest/v1/services",
        "PATCH /rest/v1/services?id=eq.1",
        "POST /v1/transactions",
        "PUT /v1/policies/routing",
        "POST /v1/mirror/retry",
    ] {
        slow.push(sending(&host, &head(request, "content-length: 100\r\n\r\n{")).await?);
    }
    assert_eq!(host.get("/rest/v1/services?id=eq.1").await?.status, 200);
    for connection in &mut slow {
        let (status, body) = answer_on(connection).await?;
        assert_eq!(status, "408", "{body}");
        assert_eq!(
            body,
            json!({"code": "TURNOUT_TIMEOUT", "details": null, "hint": null,
                   "message": "The body did not arrive within 3s; nothing was done"})
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_body_announced_as_too_large_is_refused_at_once() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let began = Instant::now();
    for request in [
        "POST /rest/v1/services",
        "POST /v1/transactions",
        "PUT /v1/policies/routing",
        "POST /v1/failover",
    ] {
        let mut connection = sending(&host, &head(request, "content-length: 100000000000\r\n\r\n{")).await?;
        let (status, body) = answer_on(&mut connection).await?;
        assert_eq!(
            (status.as_str(), &body["code"]),
            ("413", &json!("TURNOUT_TOO_LARGE")),
            "{request}"
        );
    }
    assert!(
        began.elapsed() < Duration::from_secs(12),
        "before the request times out: {:?}",
        began.elapsed()
    );

    let large = json!({"title": "x".repeat(8 << 20)});
    let refused = host.write(Method::POST, "/rest/v1/services", &large).await?;
    assert_eq!(refused.status, 413, "a client that sends on hears why");
    let mut broken = sending(
        &host,
        &head(
            "POST /rest/v1/services",
            "transfer-encoding: chunked\r\n\r\nno chunk\r\n",
        ),
    )
    .await?;
    let (status, body) = answer_on(&mut broken).await?;
    assert_eq!((status.as_str(), &body["code"]), ("400", &json!("TURNOUT_HTTP")));
    Ok(())
}

#[tokio::test]
async fn a_newcomer_takes_the_place_of_who_has_waited_longest() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("api.connections", "4")])?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    let locked = lock(&old).await?;
    let request = head("GET /rest/v1/services?id=eq.1&select=id", "connection: close\r\n\r\n");
    let mut working = sending(&host, &request).await?;
    somebody_waits(&old).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(sending(&host, "").await?);
        let mut newcomer = sending(&host, &head("GET /healthz", "connection: close\r\n\r\n")).await?;
        assert!(rest_of(&mut newcomer).await?.ends_with("ok\n"));
    }
    for connection in &mut silent[..16] {
        assert_eq!(rest_of(connection).await?, "");
    }
    let mut slow = Vec::new();
    for _ in 0..8 {
        let request = head("POST /rest/v1/services", "content-length: 100\r\n\r\n{");
        slow.push(sending(&host, &request).await?);
    }
    let mut newcomer = sending(&host, &head("GET /healthz", "connection: close\r\n\r\n")).await?;
    assert!(
        rest_of(&mut newcomer).await?.ends_with("ok\n"),
        "bodies on their way keep nobody out"
    );
    locked.rollback().await?;
    let answer = rest_of(&mut working).await?;
    assert!(
        answer.ends_with("[{\"id\":1}]"),
        "a request that is worked on is not cut: {answer}"
    );
    Ok(())
}

#[tokio::test]
async fn a_stop_cuts_half_requests_and_lets_operations_end() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    let locked = lock(&old).await?;
    let mut working = sending(&host, &head("GET /rest/v1/services?id=eq.1&select=id", "\r\n")).await?;
    somebody_waits(&old).await;
    let mut waiting = Vec::new();
    for text in [
        String::new(),
        "GET /heal".to_owned(),
        head("GET /healthz", ""),
        head("POST /rest/v1/services", "content-length: 100\r\n\r\n{"),
        head("PUT /v1/policies/routing", "content-length: 100\r\n\r\n{"),
    ] {
        for _ in 0..4 {
            waiting.push(sending(&host, &text).await?);
        }
    }
    let mut kept = sending(&host, &head("GET /healthz", "\r\n")).await?;
    one_answer(&mut kept).await?;

    let began = Instant::now();
    kill(Pid::from_raw(i32::try_from(host.pid())?), Signal::SIGINT)?;
    for connection in waiting.iter_mut().chain([&mut kept]) {
        assert_eq!(rest_of(connection).await?, "");
    }
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "they were waited for: {:?}",
        began.elapsed()
    );
    locked.rollback().await?;
    let answer = rest_of(&mut working).await?;
    assert!(answer.ends_with("[{\"id\":1}]"), "{answer}");
    host.stop().await
}

#[tokio::test]
async fn a_client_that_takes_no_answers_is_cut() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("api.request_timeout", "'2s'")])?;
    let host = site.host().await?;
    let requests = head("GET /rest/v1/clients", "\r\n").repeat(500);
    let mut greedy = sending(&host, &requests).await?;
    turnout_tests::eventually("the connection is cut", async || {
        // Writing fails only after the host has closed the connection.
        greedy.write_all(b"\r\n").await.err()
    })
    .await;
    let recording = host
        .bare(Method::GET, "/v1/recording")
        .header("apikey", Site::ADMIN_KEY);
    let operations = host.send(recording).await?.text.lines().count();
    assert!((1..250).contains(&operations), "{operations} of 500 were carried out");
    Ok(())
}

#[tokio::test]
async fn every_refusal_has_a_body_of_one_shape() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    for (method, path, status, code) in [
        ("GET", "/rest/v1/%ff", 400, "TURNOUT_HTTP"),
        ("GET", "/v1/policies/yesterday", 400, "TURNOUT_HTTP"),
        ("GET", "/v1/policies/1/diff/%ff", 400, "TURNOUT_HTTP"),
        ("POST", "/v1/policies/%ff", 400, "TURNOUT_HTTP"),
        ("PUT", "/v1/policies/routing", 400, "TURNOUT_REQUEST"),
        ("GET", "/v1/nowhere", 404, "PGRST125"),
        ("POST", "/v1/policies/nowhere", 404, "PGRST125"),
        ("GET", "/v1/transactions", 405, "TURNOUT_METHOD"),
        ("DELETE", "/v1/status", 405, "TURNOUT_METHOD"),
        ("POST", "/metrics", 405, "TURNOUT_METHOD"),
        ("DELETE", "/v1/policies/routing", 405, "TURNOUT_METHOD"),
        ("GET", "/v1/failover", 405, "TURNOUT_METHOD"),
        ("POST", "/readyz", 405, "TURNOUT_METHOD"),
        ("TRACE", "/rest/v1/clients", 405, "PGRST117"),
    ] {
        let request = host.bare(method.parse()?, path).header("apikey", Site::ADMIN_KEY);
        let answer = host.send(request).await?;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        assert_eq!(
            answer.header("content-type"),
            "application/json; charset=utf-8",
            "{method} {path}"
        );
        let body = answer.json();
        assert_eq!(body["code"], code, "{method} {path}");
        for field in ["details", "hint", "message"] {
            assert!(body.get(field).is_some(), "{method} {path}: {body}");
        }
        assert_eq!(answer.header("allow").is_empty(), status != 405, "{method} {path}");
    }
    Ok(())
}
