//! An open transaction of another session holds up a handoff for at most its budget, and is named.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use turnout_tests::{Host, Site, eventually};

use crate::handoff::{CLIENT, NEW, dual_writing};

/// Begins a transaction as psql does. It changes a client that nobody else touches. Returns the id of the session's process, too.
async fn open(database: &PgPool) -> Result<(sqlx::Transaction<'static, sqlx::Postgres>, i32)> {
    let mut open = database.begin().await?;
    sqlx::query("set local application_name = 'psql'")
        .execute(&mut *open)
        .await?;
    let process = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&mut *open)
        .await?;
    sqlx::query("update clients set notes = 'secret' where id = 7")
        .execute(&mut *open)
        .await?;
    Ok((open, process))
}

async fn write(host: &Host, path: &str, change: &Value, backend: &str, epoch: &str) -> Result<()> {
    let written = host.write(Method::PATCH, path, change).await?;
    assert_eq!(
        (
            written.status.as_u16(),
            written.backend(),
            written.header("x-turnout-epoch")
        ),
        (200, backend, epoch),
        "{}",
        written.text
    );
    Ok(())
}

/// Saves the routing settings again and again until the clients are on `new`.
async fn move_clients(site: &Site, host: &Host) {
    let mut attempts = 0;
    eventually("the clients are on new", async || {
        let status = host.get("/v1/status").await.ok()?.json();
        if attempts == 0 || !status["refused"].is_null() {
            attempts += 1;
            site.put("routing.toml", format!("{NEW}# again {attempts}\n")).ok()?;
        }
        let written = host
            .write(Method::PATCH, CLIENT, &json!({ "notes": "moved" }))
            .await
            .ok()?;
        (written.status == 200 && written.backend() == "new").then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_open_transaction_holds_up_nothing_after_the_budget() -> Result<()> {
    let (site, host) = dual_writing("'3s'").await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        let epoch = host.get("/v1/status").await?.json()["epoch"].as_u64().unwrap();
        let (open, process) = open(side).await?;
        site.put("routing.toml", format!("{NEW}# after epoch {epoch}\n"))?;
        let status = host
            .status_with("the status names the session", |status| {
                status["held_up_by"].is_string()
            })
            .await;
        assert!(
            status["held_up_by"]
                .as_str()
                .unwrap()
                .contains(&format!("session {process}")),
            "{status}"
        );
        // Operations whose authority stays go on under the new epoch.
        let (next, after) = ((epoch + 1).to_string(), (epoch + 2).to_string());
        let read = host.get("/rest/v1/services?limit=1").await?;
        assert_eq!(
            (read.status.as_u16(), read.header("x-turnout-epoch")),
            (200, &*next),
            "{}",
            read.text
        );
        // The waiting operation goes on under the epoch that abandons the handoff, although the transaction is still open.
        write(&host, CLIENT, &json!({ "notes": "waited" }), "old", &after).await?;
        write(
            &host,
            "/rest/v1/clients?id=gt.7",
            &json!({ "visit_count": 3 }),
            "old",
            &after,
        )
        .await?;
        let read = host.get("/rest/v1/clients?id=eq.7&select=id").await?;
        assert_eq!((read.status.as_u16(), read.backend()), (200, "old"), "{}", read.text);
        let status = host
            .status_with("the refusal shows", |status| !status["refused"].is_null())
            .await;
        assert_eq!((&status["leaving"], &status["held_up_by"]), (&json!([]), &Value::Null));
        let reason = status["refused"]["reason"].as_str().unwrap();
        for part in [
            "took longer than 3s and was abandoned".to_owned(),
            format!("session {process}, application \"psql\", user "),
            "last statement update".to_owned(),
        ] {
            assert!(reason.contains(&part), "{reason}");
        }
        let alert = &status["alerts"][0];
        assert_eq!(
            (&alert["kind"], &alert["severity"]),
            (&json!("handoff"), &json!("warning"))
        );
        for told in [alert["message"].as_str().unwrap(), &host.log()] {
            assert!(told.contains(&format!("session {process}")), "{told}");
            assert!(!told.contains("secret"), "{told}");
        }
        open.rollback().await?;
    }
    move_clients(&site, &host).await;
    Ok(())
}

#[tokio::test]
async fn a_prepared_transaction_at_the_fence_is_named_by_gid() -> Result<()> {
    let (site, host) = dual_writing("'2s'").await?;
    let (old, _) = site.databases().await?;
    let fence: i64 = sqlx::query_scalar("select turnout.lowest_epoch()")
        .fetch_one(&old)
        .await?;
    let mut prepared = old.acquire().await?;
    for statement in [
        "begin".to_owned(),
        // Capture takes this lock in every write.
        format!("select pg_advisory_xact_lock_shared(turnout.lock_class(), {fence})"),
        "prepare transaction 'nightly invoice run'".to_owned(),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *prepared).await?;
    }
    site.route(NEW)?;
    host.status_with("the handoff waits", |status| status["held_up_by"].is_string())
        .await;
    write(&host, CLIENT, &json!({ "notes": "waited" }), "old", "3").await?;
    let status = host
        .status_with("the refusal shows", |status| !status["refused"].is_null())
        .await;
    let reason = status["refused"]["reason"].as_str().unwrap();
    assert!(
        reason.contains("prepared transaction \"nightly invoice run\", user "),
        "{reason}"
    );
    sqlx::raw_sql("rollback prepared 'nightly invoice run'")
        .execute(&mut *prepared)
        .await?;
    move_clients(&site, &host).await;
    Ok(())
}

#[tokio::test]
async fn a_host_dying_at_a_held_fence_blocks_nobody() -> Result<()> {
    let (site, first) = dual_writing("'1s'").await?;
    let (old, _) = site.databases().await?;
    let second = site.host().await?;
    let (open, _) = open(&old).await?;
    site.route(NEW)?;
    eventually("a handoff is under way", async || {
        let newest: i64 = sqlx::query_scalar("select max(epoch) from turnout.epoch")
            .fetch_one(&old)
            .await
            .ok()?;
        (newest > 1).then_some(())
    })
    .await;
    drop(first);
    second
        .status_with("no handoff is under way", |status| {
            status["epoch"].as_u64() > Some(2) && status["leaving"] == json!([])
        })
        .await;
    let written = second
        .write(Method::PATCH, CLIENT, &json!({ "notes": "afterwards" }))
        .await?;
    assert_eq!(
        (written.status.as_u16(), written.backend()),
        (200, "old"),
        "{}",
        written.text
    );
    open.commit().await?;
    move_clients(&site, &second).await;
    Ok(())
}
