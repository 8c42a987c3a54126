//! Policies that fail for some subjects, contradict themselves, or send reads to a side where rows are not kept equal.

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use turnout_tests::{Host, Site, core_module, eventually};

/// A phone that no row of either database has.
pub(crate) const STRANGER: &str = "89990001111";

/// An expression for whether the subject of a question, in the locals `$text` and `$length`, is the stranger.
pub(crate) const IS_STRANGER: &str = "(if (result i32) (local.get $has_subject)
    (then (i32.eq (i32.load align=1 (i32.sub (i32.add (local.get $text) (local.get $length)) (i32.const 4))) (i32.const 0x31313131)))
    (else (i32.const 0)))";

/// A policy that has everything on `old` and not mirrored, unless `authority`, `admit` or `read` answer otherwise.
pub(crate) fn policy(authority: &str, admit: &str, read: &str) -> Result<Vec<u8>> {
    let subject = "(param $has_subject i32) (param $text i32) (param $length i32)";
    let module = format!(
        r#"(module
  (memory (export "memory") 1)
  (global $asked (mut i32) (i32.const 0))
  (data (i32.const 64) "\01" "\00" "\00" "\00" "\00\00")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "describe") (result i32) (i32.const 0))
  (func (export "configure") (param i32 i32 i32 i32) (result i32) (i32.const 0))
  (func (export "authority") (param i32) {subject} (result i32) {authority} (i32.const 0))
  (func (export "span") (param i32) (result i32) (i32.const 2))
  (func (export "mirrored") (param i32) {subject} (result i32) (i32.const 0))
  (func (export "read") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) {read})
  (func (export "admit") (param i32 i32) {subject} (result i32) {admit} (i32.const 0)))"#
    );
    core_module(&module, "routing")
}

pub(crate) const ON_OLD: &str = "(i32.const 0)";

/// Puts a policy in force, and returns its epoch.
async fn take(site: &Site, host: &Host, module: Vec<u8>) -> Result<u64> {
    let before = epoch(host).await?;
    site.put("routing.wasm", module)?;
    let status = host
        .status_with("the policy is in force", |status| {
            status["epoch"].as_u64() > Some(before)
        })
        .await;
    status["epoch"].as_u64().context("no epoch")
}

async fn epoch(host: &Host) -> Result<u64> {
    let status = host.get("/v1/status").await?.json();
    status["epoch"].as_u64().context("no epoch")
}

/// Waits until there is an alert about a policy, and returns it.
async fn alert(host: &Host) -> String {
    eventually("people hear of the policy", async || {
        let status = host.get("/v1/status").await.ok()?.json();
        let alerts: &Vec<Value> = status["alerts"].as_array()?;
        let told = alerts.iter().filter_map(|alert| alert["message"].as_str());
        told.filter(|message| message.contains("the routing policy"))
            .map(str::to_owned)
            .next()
    })
    .await
}

#[tokio::test]
async fn a_rarely_failing_policy_is_withdrawn_and_its_function_named() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let traps = format!("(if {IS_STRANGER} (then unreachable))");
    let taken = take(&site, &host, policy("", &traps, ON_OLD)?).await?;
    for number in 0..400 {
        let phone = if number % 50 == 49 { STRANGER } else { "89990002222" };
        let read = format!("/rest/v1/clients?phone=eq.{phone}&select=id");
        if host.get(&read).await?.header("x-turnout-epoch") != taken.to_string() {
            break;
        }
    }
    let message = alert(&host).await;
    assert!(message.contains("`admit`") && message.contains("calls"), "{message}");
    assert!(!message.contains("1111"), "{message}");
    host.status_with("the set before is in force", |status| {
        status["epoch"].as_u64() > Some(taken)
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_policy_whose_instances_disagree_is_withdrawn() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    // The answer for the stranger depends on how often this instance was asked: first `new`, then `old`.
    let turns = format!(
        "(if {IS_STRANGER} (then
           (global.set $asked (i32.add (global.get $asked) (i32.const 1)))
           (return (i32.and (global.get $asked) (i32.const 1)))))"
    );
    let taken = take(&site, &host, policy(&turns, "", ON_OLD)?).await?;
    let path = format!("/rest/v1/clients?phone=eq.{STRANGER}");
    let mut refused = 0;
    for _ in 0..10 {
        let answer = host.write(Method::PATCH, &path, &json!({"notes": "x"})).await?;
        if answer.status == 503 {
            refused += 1;
        } else if answer.header("x-turnout-epoch") == taken.to_string() {
            assert_eq!(
                (answer.status.as_u16(), answer.backend()),
                (200, "new"),
                "{}",
                answer.text
            );
        }
    }
    assert!(refused > 0);
    let message = alert(&host).await;
    assert!(message.contains("contradicts itself in `authority`"), "{message}");
    host.status_with("the set before is in force", |status| {
        status["epoch"].as_u64() > Some(taken)
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_read_goes_only_where_rows_are_equal() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    take(&site, &host, policy("", "", "(i32.const 64)")?).await?;
    let path = "/rest/v1/clients?phone=eq.89686484488&select=notes";
    let written = host.write(Method::PATCH, path, &json!({"notes": "just now"})).await?;
    assert_eq!(
        (written.status.as_u16(), written.backend()),
        (200, "old"),
        "{}",
        written.text
    );
    let read = host.get(path).await?;
    assert_eq!((read.backend(), read.json()), ("old", json!([{"notes": "just now"}])));
    let metrics = host.get("/metrics").await?;
    assert!(
        metrics.text.contains("turnout_policy_reads_not_followed_total 1\n"),
        "{}",
        metrics.text
    );
    Ok(())
}
