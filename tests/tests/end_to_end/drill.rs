//! `turnout drill` moves one subject there and back, and leaves everything as it was.

use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};
use turnout_tests::{Host, Site, eventually, turnout};

const PHONE: &str = "89686484488";

const MIRRORED: &str = "[[cohort]]\nname = 'test phone'\nsubjects = ['89686484488']\nstage = 'shadow'\n\
                        [default]\nstage = 'dualwrite'\n";

/// A site with mirrored rows, and a host that the program's commands can reach.
async fn mirrored(settings: &str) -> Result<(Site, Host)> {
    let site = Site::set_up().await?;
    site.route(settings)?;
    let host = site.host().await?;
    site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    Ok((site, host))
}

/// Runs `turnout drill --json`; its exit status and what it prints.
fn drill(site: &Site, more: &[&str]) -> Result<(Option<i32>, Value)> {
    let mut command = turnout();
    command
        .arg("--config")
        .arg(site.config())
        .args(["drill", "--json"])
        .args(more);
    let output = command.output()?;
    let printed = serde_json::from_slice(&output.stdout);
    let printed = printed.with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok((output.status.code(), printed))
}

/// The criteria that failed.
fn failed(printed: &Value) -> Vec<&str> {
    let criteria = printed["criteria"].as_array().into_iter().flatten();
    let failed = criteria.filter(|criterion| criterion["passed"] != json!(true));
    failed.filter_map(|criterion| criterion["name"].as_str()).collect()
}

/// The settings of the routing policy in the directory, and the version in force with what is on trial.
async fn settings(site: &Site, host: &Host) -> Result<(String, Value, Value)> {
    let status = host.get("/v1/status").await?.json();
    let text = fs::read_to_string(site.policies().join("routing.toml"))?;
    Ok((text, status["routing"].clone(), status["trials"].clone()))
}

async fn answered_by(host: &Host) -> Result<String> {
    let answer = host
        .get(&format!("/rest/v1/clients?phone=eq.{PHONE}&select=id"))
        .await?;
    Ok(answer.backend().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn test_phone_goes_there_and_back_under_load() -> Result<()> {
    let (site, host) = mirrored(MIRRORED).await?;
    let before = settings(&site, &host).await?;
    let (status, printed) = drill(&site, &["--load", "30"])?;
    assert_eq!((status, failed(&printed)), (Some(0), vec![]), "{printed}");
    assert_eq!((&printed["passed"], &printed["from"]), (&json!(true), &json!("old")));
    assert!(printed["operations"].as_u64() > Some(40), "{printed}");
    assert!(printed["seconds"].as_f64() < Some(60.0), "{printed}");
    assert_eq!(settings(&site, &host).await?, before);
    assert_eq!(answered_by(&host).await?, "old");

    let (_, new) = site.databases().await?;
    let kept: (String, String, Vec<String>) =
        sqlx::query_as("select kind, result::text, repositories from turnout.evidence where kind = 'drill' order by number desc limit 1")
            .fetch_one(&new)
            .await?;
    assert!(kept.0 == "drill" && !kept.1.contains("686484488"), "{kept:?}");
    assert!(kept.2.contains(&"clients".to_owned()), "{kept:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn phone_on_new_is_rolled_back_and_returns() -> Result<()> {
    let (site, host) = mirrored(&MIRRORED.replace("'shadow'", "'live'")).await?;
    let (status, printed) = drill(&site, &[])?;
    assert_eq!((status, &printed["from"]), (Some(0), &json!("new")), "{printed}");
    assert_eq!(answered_by(&host).await?, "new");
    let (status, printed) = drill(&site, &["--within", "1ms"])?;
    assert_eq!(
        (status, failed(&printed)),
        (Some(1), vec!["both ways take no longer than allowed, in seconds"]),
        "{printed}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_drill_leaves_everything_as_it_was() -> Result<()> {
    let (site, host) = mirrored(MIRRORED).await?;
    let before = settings(&site, &host).await?;
    let mut command = turnout();
    command
        .arg("--config")
        .arg(site.config())
        .arg("drill")
        .stderr(Stdio::piped());
    let drill = command.spawn()?;
    eventually("the phone is on new", async || {
        (answered_by(&host).await.ok()? == "new").then_some(())
    })
    .await;
    kill(Pid::from_raw(i32::try_from(drill.id())?), Signal::SIGINT)?;
    let ended = drill.wait_with_output()?;
    let err = String::from_utf8(ended.stderr)?;
    assert!(
        ended.status.code() == Some(2) && err.contains("stands where it stood"),
        "{err}"
    );
    assert_eq!(
        (settings(&site, &host).await?, answered_by(&host).await?),
        (before, "old".to_owned())
    );
    let (_, new) = site.databases().await?;
    let kept: i64 = sqlx::query_scalar("select count(*) from turnout.evidence where kind = 'drill'")
        .fetch_one(&new)
        .await?;
    assert_eq!(kept, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn drill_that_cannot_begin_changes_nothing() -> Result<()> {
    let (site, host) = mirrored("[default]\nstage = 'off'\n").await?;
    let (succeeded, _, err) = site.said(&["drill"])?;
    assert!(!succeeded && err.contains("name one by --phone"), "{err}");
    let (_, _, err) = site.said(&["drill", "--phone", "89990009999"])?;
    assert!(err.contains("neither side has a row of the cohort"), "{err}");

    // A row that `new` lacks, of somebody whose rows are not mirrored.
    let client = json!({"name": "x", "phone": "89990002222"});
    let written = host.write(Method::POST, "/rest/v1/clients", &client).await?;
    assert_eq!((written.status.as_u16(), written.backend()), (201, "old"));
    let before = settings(&site, &host).await?;
    let (status, _, err) = site.said(&["drill", "--phone", "89990002222"])?;
    assert!(!status && err.contains("nothing was changed"), "{err}");
    assert_eq!(settings(&site, &host).await?, before);
    Ok(())
}
