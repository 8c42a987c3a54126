//! `turnout freeze` has all hosts refuse the application's writes, until `turnout unfreeze`.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use turnout_tests::{Answer, Host, Site, eventually};

const CLIENT: &str = "/rest/v1/clients?phone=eq.89686484488&select=id,notes";

async fn note(host: &Host, notes: &str) -> Result<Answer> {
    host.write(Method::PATCH, CLIENT, &json!({ "notes": notes })).await
}

fn assert_frozen(answer: &Answer) {
    let code = answer.json()["code"].clone();
    assert_eq!(
        (answer.status.as_u16(), code),
        (503, json!("TURNOUT_FROZEN")),
        "{}",
        answer.text
    );
    assert_eq!(answer.header("retry-after"), "5");
}

#[tokio::test]
async fn writes_are_refused_on_all_hosts_and_reads_go_on() -> Result<()> {
    let site = Site::set_up().await?;
    let (first, second) = (site.host().await?, site.host().await?);
    site.configure(&[("api.listen", &format!("'{}'", first.address()))])?;
    let (old, new) = site.databases().await?;
    assert_eq!(note(&first, "before").await?.status, 200);

    let said = site.turnout(&["freeze", "--because", "a backup; call 89686484488"])?;
    assert!(
        said.contains("epoch 2 is in force: writes are refused since "),
        "{said}"
    );
    for host in [&first, &second] {
        assert_frozen(&note(host, "frozen").await?);
        let read = host.get(CLIENT).await?;
        assert_eq!(
            (read.status.as_u16(), &read.json()[0]["notes"]),
            (200, &json!("before"))
        );
        let operations = json!({ "operations": [
            { "action": "find", "repository": "clients", "filter": "phone=eq.89686484488" },
            { "action": "insert", "repository": "clients", "rows": { "phone": "89990001111", "name": "x" } },
        ]});
        assert_frozen(
            &host
                .send(host.request(Method::POST, "/v1/transactions").json(&operations))
                .await?,
        );
    }
    let status = second.get("/v1/status").await?.json();
    assert_eq!(status["frozen"]["reason"], "a backup; call [number hidden]", "{status}");
    assert!(
        site.turnout(&["status"])?
            .contains("  frozen      writes are refused since 20")
    );

    // What is written past Turnout is mirrored as ever.
    sqlx::query("update clients set notes = 'past Turnout' where phone = '89686484488'")
        .execute(&new)
        .await?;
    eventually("the mirror goes on", async || {
        let notes: Option<String> = sqlx::query_scalar("select notes from clients where phone = '89686484488'")
            .fetch_one(&old)
            .await
            .ok()?;
        (notes.as_deref() == Some("past Turnout")).then_some(())
    })
    .await;

    first.stop().await?;
    second.stop().await?;
    let restarted = site.host().await?;
    site.configure(&[("api.listen", &format!("'{}'", restarted.address()))])?;
    assert_frozen(&note(&restarted, "after a restart").await?);
    // A change of policies lets no write in.
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let status = restarted
        .status_with("the change is in force", |status| status["epoch"] == 3)
        .await;
    assert_eq!(status["frozen"]["reason"], "a backup; call [number hidden]", "{status}");
    assert_frozen(&note(&restarted, "after a change").await?);

    let said = site.turnout(&["unfreeze"])?;
    assert_eq!(said, "epoch 4 is in force: writes are let in\n");
    assert_eq!(note(&restarted, "thawed").await?.status, 200);
    assert_eq!(restarted.get("/v1/status").await?.json()["frozen"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn no_write_of_before_commits_after_a_freeze() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("handoff.budget", "'1s'")])?;
    let host = site.host().await?;
    site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;
    let (_, new) = site.databases().await?;
    // A write of the epoch in force that is still open.
    let mut open = new.begin().await?;
    sqlx::raw_sql("set local turnout.epoch = '1'; update clients set notes = 'open' where phone = '89686484488'")
        .execute(&mut *open)
        .await?;
    let (succeeded, _, err) = site.said(&["freeze"])?;
    assert!(
        !succeeded && err.contains("took longer than 1s and was abandoned"),
        "{err}"
    );
    assert_eq!(host.get("/v1/status").await?.json()["frozen"], Value::Null);
    open.commit().await?;
    site.turnout(&["freeze"])?;
    assert_frozen(&note(&host, "late").await?);
    site.turnout(&["freeze", "--json"])?;
    let unfrozen: Value = serde_json::from_str(&site.turnout(&["unfreeze", "--json"])?)?;
    assert_eq!(unfrozen["frozen"], Value::Null);
    assert_eq!(note(&host, "thawed").await?.status, 200);
    Ok(())
}
