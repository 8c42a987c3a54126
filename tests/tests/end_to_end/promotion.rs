//! Authority moves to `new` only when all is so that `promotion.needs` names, or for a reason that is kept.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sqlx::PgPool;
use turnout_tests::{Host, Site, eventually, policy};

use crate::ready::keep;

const EVERYBODY_OLD: &str = "[default]\nstage = 'dualwrite'\n";
const EVERYBODY_NEW: &str = "[default]\nstage = 'live'\n";

/// A site with mirrored rows whose promotion needs a drill, and a host whose comparison is over.
/// The phone is that of a subject who has rows and is no test subject.
async fn begin() -> Result<(Site, Host, PgPool, String)> {
    let site = Site::set_up().await?;
    site.configure(&[
        ("promotion.needs", "['drill', 'parked']"),
        ("promotion.test_subjects", "['+7 968 648-44-88']"),
    ])?;
    site.route(EVERYBODY_OLD)?;
    let host = site.host().await?;
    site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    let (_, new) = site.databases().await?;
    let phone = sqlx::query_scalar("select phone from clients where phone <> '89686484488' order by id limit 1");
    let phone = phone.fetch_one(&new).await?;
    Ok((site, host, new, phone))
}

async fn backend(host: &Host, phone: &str) -> Option<String> {
    let read = host.get(&format!("/rest/v1/clients?phone=eq.{phone}&select=id")).await;
    Some(read.ok()?.backend().to_owned())
}

/// Waits until a phone is read there.
async fn read_on(host: &Host, phone: &str, side: &str) {
    eventually("the phone is read there", async || {
        (backend(host, phone).await? == side).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_saved_file_is_refused_until_the_criteria_are_met() -> Result<()> {
    let (site, host, new, anybody) = begin().await?;
    site.route(EVERYBODY_NEW)?;
    let status = host
        .status_with("the change is refused", |status| !status["refused"].is_null())
        .await;
    let reason = status["refused"]["reason"].as_str().context("no reason")?;
    assert!(
        reason.contains("`promotion.needs` is not so: drill (no drill is on record: run `turnout drill`);"),
        "{reason}"
    );
    assert_eq!(status["epoch"], 1);
    assert_eq!(backend(&host, &anybody).await.as_deref(), Some("old"));

    keep(&new, "drill", &json!({ "passed": true })).await?;
    site.route(&format!("{EVERYBODY_NEW}# once more\n"))?;
    read_on(&host, &anybody, "new").await;
    // The way back needs nothing.
    keep(&new, "drill", &json!({ "passed": false })).await?;
    site.route(EVERYBODY_OLD)?;
    read_on(&host, &anybody, "old").await;
    Ok(())
}

#[tokio::test]
async fn a_test_subject_moves_and_nobody_else_with_it() -> Result<()> {
    let (site, host, _new, anybody) = begin().await?;
    let cohort =
        |phones: &str| format!("[[cohort]]\nname = 'test'\nsubjects = [{phones}]\nstage = 'live'\n{EVERYBODY_OLD}");
    site.route(&cohort("'89686484488'"))?;
    read_on(&host, "89686484488", "new").await;
    assert_eq!(backend(&host, &anybody).await.as_deref(), Some("old"));
    site.route(&cohort(&format!("'89686484488', '{anybody}'")))?;
    host.status_with("the change is refused", |status| !status["refused"].is_null())
        .await;
    assert_eq!(backend(&host, &anybody).await.as_deref(), Some("old"));
    Ok(())
}

#[tokio::test]
async fn a_reason_overrides_the_criteria_and_is_kept() -> Result<()> {
    let (site, host, new, anybody) = begin().await?;
    let settings = site.folder().join("next.toml");
    std::fs::write(&settings, EVERYBODY_NEW)?;
    let (module, settings) = (policy("routing").display().to_string(), settings.display().to_string());
    let push = ["policy", "push", &module, "--settings", &settings];
    let (succeeded, _, err) = site.said(&push)?;
    assert!(!succeeded && err.contains("drill (no drill is on record"), "{err}");
    assert_eq!(backend(&host, &anybody).await.as_deref(), Some("old"));

    let reason = "old burns; call 89686484488";
    let mut with_reason = push.to_vec();
    with_reason.extend(["--because", reason]);
    site.turnout(&with_reason)?;
    assert_eq!(backend(&host, &anybody).await.as_deref(), Some("new"));
    let kept: Vec<String> = sqlx::query_scalar("select result::text from turnout.evidence where kind = 'handoff'")
        .fetch_all(&new)
        .await?;
    let kept: Vec<Value> = kept
        .iter()
        .map(|text| serde_json::from_str(text))
        .collect::<Result<_, _>>()?;
    assert_eq!(
        kept,
        [json!({
            "step": "overridden",
            "because": "old burns; call [number hidden]",
            "unmet": [{ "criterion": "drill", "reason": "no drill is on record: run `turnout drill`" }],
        })]
    );
    Ok(())
}
