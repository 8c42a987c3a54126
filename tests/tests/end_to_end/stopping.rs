//! The tasks of a host, and a host that is asked to stop.

use anyhow::{Context as _, Result};
use futures::future::join_all;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use turnout_tests::{Host, Site, eventually};

const TEST_PHONE: &str = "/rest/v1/clients?phone=eq.89686484488&select=id,notes";

#[tokio::test]
async fn status_and_metrics_tell_of_the_tasks_of_a_host() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let status = host.get("/v1/status").await?.json();
    let tasks = status["tasks"].as_array().context("tasks are listed")?;
    for (name, required) in [
        ("applier-old", true),
        ("applier-new", true),
        ("connections-old", true),
        ("protocol-connections-new", true),
        ("epochs", true),
        ("breaker", false),
        ("mirror-standing", false),
        ("policy-directory", false),
        ("restored-sides", false),
    ] {
        let expected =
            json!({"name": name, "required": required, "started": 1, "down": 0, "restarts": 0, "last_failure": null});
        assert!(tasks.contains(&expected), "{name}: {tasks:#?}");
    }
    let metrics = host.get("/metrics").await?.text;
    for line in [
        "turnout_task_restarts_total{task=\"applier-old\"} 0",
        "turnout_task_down{task=\"epochs\"} 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
    assert_eq!(host.bare(Method::GET, "/readyz").send().await?.status(), 200);
    host.stop().await
}

/// Reads and writes on connections of their own, one after the other, until no more connection can be had; what went wrong else.
async fn load(host: &Host, number: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    for round in 0.. {
        // A connection that is kept alive may be closed by the host while a request is on its way; every client has to bear that.
        let client = Client::builder().pool_max_idle_per_host(0).build();
        let request = match round % 2 {
            0 => host.request(Method::GET, TEST_PHONE),
            _ => host
                .request(Method::PATCH, TEST_PHONE)
                .json(&json!({ "notes": format!("{number} {round}") })),
        };
        let sent = async { client?.execute(request.build()?).await };
        match sent.await {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => wrong.push(format!(
                "{}: {}",
                answer.status(),
                answer.text().await.unwrap_or_default()
            )),
            Err(error) if error.is_connect() => return wrong,
            Err(error) => wrong.push(format!("{error:?}")),
        }
    }
    wrong
}

#[tokio::test]
async fn a_host_that_stops_fails_no_request_and_gives_its_leases_back() -> Result<()> {
    let site = Site::set_up().await?;
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let (old, new) = site.databases().await?;
    let first = site.host().await?;
    let is_compared = |status: &Value| {
        let done = |side: &str| status["mirror"][side]["at_work"] == true;
        status["converging"] == json!([]) && done("old") && done("new")
    };
    first
        .status_with("the first host mirrors both sides", is_compared)
        .await;
    let second = site.host().await?;

    let lease = "select holder from turnout.lease where direction = 'outgoing'";
    let before: Option<String> = sqlx::query_scalar(lease).fetch_one(&old).await?;
    let stop = async {
        eventually("the load writes", async || {
            let notes = first.get(TEST_PHONE).await.ok()?.json();
            let (_, round) = notes[0]["notes"].as_str()?.split_once(' ')?;
            (round.parse::<u32>().ok()? > 10).then_some(())
        })
        .await;
        first.ask_to_stop()
    };
    let (asked, wrong) = tokio::join!(stop, join_all((0..4).map(|number| load(&first, number))));
    asked?;
    assert_eq!(wrong.concat(), Vec::<String>::new());
    first.stop().await?;
    let after: Option<String> = sqlx::query_scalar(lease).fetch_one(&old).await?;
    assert_ne!(after, before, "the host that stopped still holds the lease");
    // A lease that was not given back would not expire while this test waits.
    let renew =
        "update turnout.lease set renewed_at = clock_timestamp() + interval '1 hour' where direction = 'outgoing'";
    for database in [&old, &new] {
        sqlx::query(renew).execute(database).await?;
    }

    let written = second
        .write(Method::PATCH, TEST_PHONE, &json!({"notes": "last"}))
        .await?;
    assert_eq!(written.status, 200, "{}", written.text);
    eventually("the second host mirrors", async || {
        let notes: Option<String> = sqlx::query_scalar("select notes from clients where phone = '89686484488'")
            .fetch_one(&new)
            .await
            .ok()?;
        (notes? == "last").then_some(())
    })
    .await;
    second.stop().await
}
