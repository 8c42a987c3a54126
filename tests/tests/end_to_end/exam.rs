//! The exam of a policy before it comes into force, and what the exam may cost the host.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use turnout_tests::{Answer, Host, Site, core_module, eventually};

const GOOD: &str = include_str!("../../../host/runtime/tests/fixtures/good.wat");

/// The head of the function in which a policy names the authority.
const AUTHORITY: &str =
    "(func (export \"authority\") (param $repository i32) (param $has_subject i32) (param i32 i32) (result i32)";

/// A policy that has everything on `old` and mirrored. It works for some milliseconds before it answers for a subject, except for the
/// subjects that the host makes up for its first questions.
fn slow() -> Result<Vec<u8>> {
    let work = "(param $repository i32) (param $has_subject i32) (param $text i32) (param $length i32) (result i32)
         (local $left i32)
         (if (local.get $has_subject) (then
           (if (i32.ne (i32.load align=1 (i32.add (local.get $text) (i32.const 1))) (i32.const 0x30303937)) (then
             (local.set $left (i32.const 3000000))
             (loop $again
               (local.set $left (i32.sub (local.get $left) (i32.const 1)))
               (br_if $again (local.get $left)))))))
         (i32.const 0)";
    let good = GOOD
        .replace(
            "(func (export \"span\") (param i32) (result i32) (i32.const 2))",
            "(func (export \"span\") (param i32) (result i32) (i32.const 0))",
        )
        .replace(
            "(data (i32.const 64) \"\\00\" \"\\01\" \"\\01\"",
            "(data (i32.const 64) \"\\00\" \"\\00\" \"\\00\"",
        );
    let (before, after) = good.split_once(AUTHORITY).context("no authority")?;
    let (_, after) = after.split_once("(local.get $has_subject))").context("no answer")?;
    let after = after.replacen("(local.get $has_subject))", "(i32.const 1))", 1);
    let head = "(func (export \"authority\")";
    core_module(&format!("{before}{head} {work}){after}"), "routing")
}

/// Waits until a change is refused, and sends requests meanwhile. Returns the reason, and the longest time that an answer took.
async fn refused_while_asking(host: &Host) -> (String, Duration) {
    let mut longest = Duration::ZERO;
    let reason = eventually("the change is refused", async || {
        let began = Instant::now();
        let answer = host.get("/rest/v1/clients?phone=eq.89686484488&select=id").await.ok()?;
        assert_eq!(answer.status, 200, "{}", answer.text);
        longest = longest.max(began.elapsed());
        let status = host.get("/v1/status").await.ok()?.json();
        status["refused"]["reason"].as_str().map(str::to_owned)
    })
    .await;
    (reason, longest)
}

async fn epoch(host: &Host) -> Result<u64> {
    let status = host.get("/v1/status").await?.json();
    status["epoch"].as_u64().context("no epoch")
}

#[tokio::test]
async fn a_slow_policy_is_refused_within_the_exam_budget() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("policies.exam_budget", "'1s'")])?;
    let host = site.host().await?;
    site.put("routing.wasm", slow()?)?;
    let (reason, longest) = refused_while_asking(&host).await;
    assert!(
        reason.contains(" ms × ") && reason.contains("subjects") && reason.contains("policies.exam_budget"),
        "{reason}"
    );
    // When such a policy was asked on a serving thread, it kept that thread from other requests for seconds.
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    assert_eq!(epoch(&host).await?, 1);
    Ok(())
}

#[tokio::test]
async fn the_exam_skips_changes_that_move_nothing() -> Result<()> {
    let site = Site::set_up().await?;
    site.put("routing.toml", "")?;
    site.put("routing.wasm", slow()?)?;
    site.configure(&[("policies.exam_budget", "'120s'")])?;
    site.host().await?.stop().await?;
    // With this budget the exam succeeds only if it does not repeat questions that the policy has already answered.
    site.configure(&[("policies.exam_budget", "'200ms'")])?;
    let host = site.host().await?;
    let before = epoch(&host).await?;
    site.put("dual-write.toml", "[retry]\nfirst_ms = 60\n")?;
    host.status_with("the change is in force", |status| {
        status["epoch"].as_u64() > Some(before)
    })
    .await;
    site.put("dual-write.toml", "mirror = 'off'\n")?;
    let (reason, _) = refused_while_asking(&host).await;
    assert!(reason.contains("policies.exam_budget"), "{reason}");
    Ok(())
}

#[tokio::test]
async fn a_span_that_a_real_subject_contradicts_is_refused() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let status = || async { Ok::<Value, anyhow::Error>(host.get("/v1/status").await?.json()) };
    // Everything is on `old`, as the policy's span says, except for one phone.
    let one = "(param $repository i32) (param $has_subject i32) (param $text i32) (param $length i32) (result i32)
         (if (i32.eqz (local.get $has_subject)) (then (return (i32.const 0))))
         (i32.eq (i32.load align=1 (i32.sub (i32.add (local.get $text) (local.get $length)) (i32.const 4))) (i32.const 0x38383434))";
    let good = GOOD.replace(
        "(param i32) (result i32) (i32.const 2))",
        "(param i32) (result i32) (i32.const 0))",
    );
    let (before, after) = good.split_once(AUTHORITY).context("no authority")?;
    let (_, after) = after.split_once("(local.get $has_subject))").context("no answer")?;
    let after = after.replacen("(local.get $has_subject))", "(i32.const 1))", 1);
    site.put(
        "routing.wasm",
        core_module(
            &format!("{before}(func (export \"authority\") {one}){after}"),
            "routing",
        )?,
    )?;
    let reason = eventually("the change is refused", async || {
        status().await.ok()?["refused"]["reason"].as_str().map(str::to_owned)
    })
    .await;
    assert!(
        reason.contains("`span` says") && reason.contains("`authority` says new"),
        "{reason}"
    );
    let answer: Answer = host
        .write(
            reqwest::Method::PATCH,
            "/rest/v1/clients?phone=eq.89686484488",
            &json!({"notes": "x"}),
        )
        .await?;
    assert_eq!((answer.status.as_u16(), answer.backend()), (200, "new"));
    Ok(())
}
