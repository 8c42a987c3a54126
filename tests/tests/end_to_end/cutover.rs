//! `turnout cutover` moves everyone or one phone to `new` by a handoff, watches, and `turnout rollback` takes it back.

use std::path::Path;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::task::spawn_blocking;
use turnout_tests::{Host, eventually, turnout};

use crate::ready::{mirrored, prove};

/// Runs a command with `--json`; its exit status and what it prints.
fn json_of(config: &Path, arguments: &[&str]) -> Result<(Option<i32>, Value)> {
    let mut command = turnout();
    command.arg("--config").arg(config).args(arguments).arg("--json");
    let output = command.output()?;
    let printed = serde_json::from_slice(&output.stdout);
    let printed = printed.with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok((output.status.code(), printed))
}

async fn backend(host: &Host, phone: &str) -> Result<String> {
    let read = host
        .get(&format!("/rest/v1/clients?phone=eq.{phone}&select=id"))
        .await?;
    Ok(read.backend().to_owned())
}

/// The phone of a subject who has rows.
async fn anybody(old: &PgPool) -> Result<String> {
    let phone = sqlx::query_scalar("select phone from clients where phone <> '89686484488' order by id limit 1");
    Ok(phone.fetch_one(old).await?)
}

/// The evidence of handoffs.
async fn kept(new: &PgPool) -> Result<Vec<Value>> {
    let results =
        sqlx::query_scalar("select result::text from turnout.evidence where kind = 'handoff' order by number");
    let results: Vec<String> = results.fetch_all(new).await?;
    Ok(results
        .iter()
        .map(|text| serde_json::from_str(text))
        .collect::<Result<_, _>>()?)
}

#[tokio::test]
async fn everyone_moves_once_it_is_a_go_and_comes_back() -> Result<()> {
    let (site, host, old, new) = mirrored().await?;
    let phone = anybody(&old).await?;
    let (status, printed) = json_of(&site.config(), &["cutover", "--everyone"])?;
    assert_eq!(
        (status, &printed["ready"]["go"], printed.get("cutover")),
        (Some(1), &json!(false), None)
    );
    assert_eq!(backend(&host, &phone).await?, "old");

    prove(&site, &new).await?;
    let (status, printed) = json_of(&site.config(), &["cutover", "--everyone", "--watch", "2s"])?;
    assert_eq!(status, Some(0), "{printed:#}");
    let cutover = &printed["cutover"];
    assert_eq!(
        (&cutover["changes"], &cutover["from_epoch"]),
        (
            &json!([{ "place": "default", "before": "dualwrite", "after": "live" }]),
            &json!(1)
        )
    );
    assert!(cutover["milliseconds"]["waited"].as_f64() > Some(0.0), "{printed:#}");
    assert_eq!(printed["watched"]["broken"], json!([]));
    assert_eq!(backend(&host, &phone).await?, "new");
    // The directory holds what is in force, so it changes nothing.
    let file = std::fs::read_to_string(site.policies().join("routing.toml"))?;
    assert_eq!(file, "[default]\nstage = \"live\"\n");
    let written = host
        .write(
            Method::PATCH,
            &format!("/rest/v1/clients?phone=eq.{phone}&select=id"),
            &json!({ "notes": "on new" }),
        )
        .await?;
    assert_eq!(
        (written.status.as_u16(), written.backend()),
        (200, "new"),
        "{}",
        written.text
    );

    let said = site.turnout(&["rollback", "--because", "as rehearsed"])?;
    assert!(
        said.starts_with("default: live → dualwrite\nepoch 3 is in force after 2:"),
        "{said}"
    );
    assert_eq!(backend(&host, &phone).await?, "old");
    let notes: Option<String> = sqlx::query_scalar("select notes from clients where phone = $1")
        .bind(&phone)
        .fetch_one(&old)
        .await?;
    assert_eq!(notes.as_deref(), Some("on new"), "the rollback loses nothing");
    let status = host.get("/v1/status").await?.json();
    assert_eq!((&status["epoch"], &status["refused"]), (&json!(3), &Value::Null));

    let kept = kept(&new).await?;
    let steps: Vec<&Value> = kept.iter().map(|result| &result["step"]).collect();
    assert_eq!(steps, ["cutover", "watched", "rollback"]);
    assert_eq!(
        (&kept[2]["of"], &kept[2]["because"]),
        (&cutover["evidence"], &json!("as rehearsed"))
    );
    let (succeeded, _, err) = site.said(&["rollback"])?;
    assert!(
        !succeeded && err.contains("no cutover is on record that was not taken back"),
        "{err}"
    );
    Ok(())
}

#[tokio::test]
async fn one_phone_moves_alone_and_is_named_nowhere() -> Result<()> {
    let (site, host, old, new) = mirrored().await?;
    let (phone, other) = ("89686484488", anybody(&old).await?);
    let (succeeded, said, err) = site.said(&["cutover", "--phone", "+7 968 648-44-88", "--watch", "1s"])?;
    assert!(succeeded, "{said}{err}");
    assert!(said.contains("1 subjects: its own stage → live"), "{said}");
    assert_eq!(
        (
            backend(&host, phone).await?.as_str(),
            backend(&host, &other).await?.as_str()
        ),
        ("new", "old")
    );
    let printed = format!("{said}{err}{:?}{}", kept(&new).await?, host.log());
    assert!(
        !printed.contains("6484488") && !printed.contains("648-44-88"),
        "{printed}"
    );

    site.turnout(&["rollback"])?;
    assert_eq!(backend(&host, phone).await?, "old");
    let file = std::fs::read_to_string(site.policies().join("routing.toml"))?;
    assert_eq!(file, "[default]\nstage = 'dualwrite'\n");
    Ok(())
}

#[tokio::test]
async fn a_broken_cutover_is_taken_back_by_itself() -> Result<()> {
    let (site, host, old, new) = mirrored().await?;
    let phone = anybody(&old).await?;
    let breaks = async {
        eventually("authority has moved", async || {
            (backend(&host, &phone).await.ok()? == "new").then_some(())
        })
        .await;
        // Somebody changes a row behind Turnout's back on the side that is the mirror now.
        sqlx::query("update services set price = price + 1 where id = 3")
            .execute(&old)
            .await
    };
    let config = site.config();
    let cutover = spawn_blocking(move || {
        let arguments = [
            "cutover",
            "--everyone",
            "--because",
            "a test",
            "--watch",
            "30s",
            "--auto-rollback",
        ];
        json_of(&config, &arguments)
    });
    let (broken, cutover) = tokio::join!(breaks, cutover);
    broken?;
    let (status, printed) = cutover??;
    assert_eq!(status, Some(1), "{printed:#}");
    assert_eq!(printed["watched"]["broken"], json!(["1 more rows differ"]));
    assert_eq!(printed["rollback"]["changes"][0]["after"], "dualwrite");
    assert_eq!(backend(&host, &phone).await?, "old");
    let kept = kept(&new).await?;
    let last = kept.last().context("nothing is kept")?;
    assert_eq!(
        (&last["step"], &last["rolled_back"]),
        (&json!("watched"), &printed["rollback"]["epoch"])
    );
    Ok(())
}

#[tokio::test]
async fn a_cutover_of_nothing_is_refused() -> Result<()> {
    let (site, _host, _old, _new) = mirrored().await?;
    let (succeeded, _, err) = site.said(&["cutover", "--everyone", "--phone", "1"])?;
    assert!(!succeeded && err.contains("cannot be used with"), "{err}");
    site.route("[default]\nstage = 'off'\n")?;
    let off = eventually("nothing is mirrored", async || {
        let (_, _, err) = site.said(&["cutover", "--everyone", "--because", "a test"]).ok()?;
        err.contains("nothing stands at `dualwrite` or `shadow`").then_some(err)
    });
    off.await;
    Ok(())
}
