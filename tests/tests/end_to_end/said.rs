//! What a refusal of a policy says.

use anyhow::Result;
use turnout_tests::{Host, Site, core_module};

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
async fn a_refusal_repeats_no_phone_and_what_a_module_says_of_itself_is_bounded() -> Result<()> {
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
