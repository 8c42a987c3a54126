//! Two hosts on the same databases.

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use reqwest::Method;
use serde_json::json;
use turnout_tests::{Site, eventually};

const TEST_PHONE: &str = "/rest/v1/clients?phone=eq.89686484488&select=id,notes";

#[tokio::test]
async fn two_hosts_on_one_directory_follow_the_same_change() -> Result<()> {
    let site = Site::set_up().await?;
    let (first, second) = (site.host().await?, site.host().await?);
    assert_ne!(first.address(), second.address());
    let written = first
        .write(Method::PATCH, TEST_PHONE, &json!({"notes": "from the first"}))
        .await?;
    assert_eq!((written.status.as_u16(), written.backend()), (200, "new"));
    let read = second.get(TEST_PHONE).await?;
    assert_eq!(
        (read.backend(), read.json()),
        ("new", json!([{"id": 1, "notes": "from the first"}]))
    );

    site.route("[default]\nstage = 'off'\n")?;
    for host in [&first, &second] {
        eventually("both hosts follow the change", async || {
            let answer = host.get(TEST_PHONE).await.ok()?;
            (answer.backend() == "old" && answer.header("x-turnout-epoch") == "2").then_some(())
        })
        .await;
    }
    let routing =
        async |host: &turnout_tests::Host| anyhow::Ok(host.get("/v1/status").await?.json()["routing"].clone());
    assert_eq!(routing(&first).await?, routing(&second).await?);

    first.stop().await?;
    assert_eq!(
        second.get(TEST_PHONE).await?.status,
        200,
        "one goes, the other serves on"
    );
    second.stop().await
}

/// A host hears of a change in several ways at the same time, and each way may hear of it at another stage.
#[tokio::test]
async fn an_epoch_means_the_same_on_both_hosts() -> Result<()> {
    let site = Site::set_up().await?;
    let (first, second) = (site.host().await?, site.host().await?);
    // Before the host answers that nothing is on trial, it looks for epochs that others have brought into force.
    let ask = async || -> Result<()> {
        loop {
            let promote = second.bare(Method::POST, "/v1/policies/promote");
            let answer = second.send(promote.header("apikey", Site::ADMIN_KEY)).await?;
            assert_eq!(answer.status, 409, "{}", answer.text);
        }
    };
    let change = async {
        for stage in ["dualwrite", "off"].into_iter().cycle().take(40) {
            let settings = json!({"settings": format!("[default]\nstage = '{stage}'\n")});
            let put = first.bare(Method::PUT, "/v1/policies/routing").json(&settings);
            let answer = first.send(put.header("apikey", Site::ADMIN_KEY)).await?;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let here = first.get("/v1/status").await?.json();
            let there = second
                .status_with("the handoff is over", |there| {
                    there["epoch"] == here["epoch"] && there["leaving"] == json!([])
                })
                .await;
            assert_eq!(there["routing"], here["routing"], "epoch {}", here["epoch"]);
        }
        Ok(())
    };
    tokio::select! {
        changed = change => changed,
        asked = try_join_all((0..8).map(|_| ask())) => asked.map(drop),
    }
}

#[tokio::test]
async fn a_fenced_side_tells_nothing_of_its_rows_by_errors() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("handoff.budget", "'1s'")])?;
    let host = site.host().await?;
    let taken = json!({ "id": 2, "phone": "89990000001", "name": "taken" });
    let insert = json!({"operations": [{ "action": "insert", "repository": "clients", "rows": taken }]});
    let one = host
        .request(Method::PATCH, "/rest/v1/clients?id=eq.99999999&select=id")
        .header("accept", "application/vnd.pgrst.object+json")
        .header("prefer", "return=representation");
    let asked = [
        (409, host.request(Method::POST, "/rest/v1/clients").json(&taken)),
        (409, host.request(Method::POST, "/v1/transactions").json(&insert)),
        (406, one.json(&json!({ "name": "nobody" }))),
    ];
    let mut again = Vec::new();
    for (status, request) in asked {
        again.push(request.try_clone().context("a request with a body in memory")?);
        let answer = host.send(request).await?;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    let (old, _) = site.databases().await?;
    sqlx::raw_sql("select turnout.raise_fence(1000)").execute(&old).await?;
    for request in again {
        let answer = host.send(request).await?;
        assert_eq!(answer.status, 503, "{}", answer.text);
    }
    Ok(())
}
