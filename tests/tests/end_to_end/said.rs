//! Texts of a policy reach the log, the status and the screen without phones and without control characters.

use anyhow::Result;
use turnout_tests::{Host, Site, core_module, eventually};

const LOGS: &str = include_str!("../../../host/runtime/tests/fixtures/logs.wat");
const GOOD: &str = include_str!("../../../host/runtime/tests/fixtures/good.wat");

/// Waits until the status shows a refusal with these words.
async fn refused(host: &Host, words: &str) {
    host.status_with(words, |status| {
        let reason = status["refused"]["reason"].as_str();
        reason.is_some_and(|reason| reason.contains(words))
    })
    .await;
}

#[tokio::test]
async fn refusals_repeat_no_phone_and_policy_texts_are_bounded() -> Result<()> {
    let site = Site::set_up().await?;
    let host = Host::start(&site.config(), &[("TURNOUT_LOG", "debug")]).await?;

    site.route("[default]\nstage = '89686484488'\n")?;
    refused(&host, "[number hidden]").await;
    site.route(&"# a comment\n".repeat(1 << 16))?;
    refused(&host, "262144 are allowed").await;

    let describes_settings_by_no_json = GOOD.replacen(
        "(data (i32.const 64)",
        r#"(data (i32.const 48) "\10\00\00\00\04\00\00\00") (data (i32.const 64)"#,
        1,
    );
    site.put("routing.wasm", core_module(&describes_settings_by_no_json, "routing")?)?;
    site.route("")?;
    refused(&host, "the schema of its settings is no JSON").await;
    let text = host.log();
    let line = text.lines().find(|line| line.contains("6484488"));
    assert_eq!(line, None, "a phone is in the log");
    Ok(())
}

#[tokio::test]
async fn phones_and_control_characters_of_a_policy_are_hidden() -> Result<()> {
    let site = Site::set_up().await?;
    let host = Host::start(&site.config(), &[("TURNOUT_LOG", "debug")]).await?;
    let tells = LOGS
        .replacen("\"asked\"", r#""8 (968) 648-44-88\1b[J""#, 1)
        .replacen("(i32.const 5)", "(i32.const 20)", 1)
        .replacen("\"logs\"", r#""l\1bgs""#, 1)
        .replacen("(local.get $has_subject))", "(i32.const 0))", 1)
        .replacen("(local.get $has_subject))", "(i32.const 1))", 1);
    site.put("routing.wasm", core_module(&tells, "routing")?)?;
    eventually("its message is in the log", async || {
        host.log().contains("[number hidden]\\u{1b}[J").then_some(())
    })
    .await;
    let (_, checked, _) = site.said(&["check"])?;
    assert!(checked.contains("l\\u{1b}gs"), "{checked}");
    for (place, text) in [
        ("log", host.log()),
        ("status", host.get("/v1/status").await?.text),
        ("check", checked),
    ] {
        let line = text
            .lines()
            .find(|line| line.contains("648-44-88") || line.contains("6484488") || line.contains('\u{1b}'));
        assert_eq!(line, None, "in the {place}");
    }
    Ok(())
}
