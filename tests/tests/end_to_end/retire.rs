//! `turnout retire old` ends the migration only when nothing is in the way, and leaves nothing of Turnout on `old`.

use std::fs;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use turnout_tests::{Host, Site, turnout};

/// A site whose rows are all on `new` and mirrored back, and a host that the program's commands can reach.
async fn moved() -> Result<(Site, Host)> {
    let site = Site::set_up().await?;
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let host = site.host().await?;
    site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    site.route("[default]\nstage = 'live'\n")?;
    host.status_with("everybody is on new", |status| {
        status["epoch"].as_u64() >= Some(2) && status["leaving"] == json!([])
    })
    .await;
    Ok((site, host))
}

/// Runs `turnout retire old --json`; its exit status and what it prints.
fn retire(site: &Site, more: &[&str]) -> Result<(Option<i32>, Value)> {
    let mut command = turnout();
    command.current_dir(site.folder()).arg("--config").arg(site.config());
    let output = command.args(["retire", "old", "--json"]).args(more).output()?;
    let printed = serde_json::from_slice(&output.stdout);
    let printed = printed.with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok((output.status.code(), printed))
}

/// The checks that failed.
fn failed(printed: &Value) -> Vec<&str> {
    let checks = printed["checks"].as_array().into_iter().flatten();
    let failed = checks.filter(|check| check["passed"] != json!(true));
    failed.filter_map(|check| check["name"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn old_is_retired_step_by_step() -> Result<()> {
    let (site, host) = moved().await?;
    let unproved = "no repository lacks a verification of the last 24 hours that found it equal";
    let (status, printed) = retire(&site, &["--execute"])?;
    assert_eq!((status, failed(&printed)), (Some(1), vec![unproved]), "{printed}");
    site.turnout(&["verify"])?;

    let (status, printed) = retire(&site, &[])?;
    assert_eq!((status, &printed["step"]), (Some(0), &json!("checked")), "{printed}");
    let (status, printed) = retire(&site, &["--execute"])?;
    assert_eq!((status, &printed["step"]), (Some(1), &json!("complete")), "{printed}");
    assert_eq!(failed(&printed), ["no host runs any more"]);

    // The application goes on, on `new` alone.
    let client = json!({"name": "x", "phone": "89990002222"});
    let written = host.write(Method::POST, "/rest/v1/clients", &client).await?;
    assert_eq!((written.status.as_u16(), written.backend()), (201, "new"));
    host.stop().await?;
    let (old, new) = site.databases().await?;
    let count = "select count(*) from clients where phone = '89990002222'";
    let counts: (i64, i64) = (
        sqlx::query_scalar(count).fetch_one(&old).await?,
        sqlx::query_scalar(count).fetch_one(&new).await?,
    );
    assert_eq!(counts, (0, 1));

    let (status, printed) = retire(&site, &[])?;
    assert_eq!((status, &printed["step"]), (Some(0), &json!("complete")), "{printed}");
    let (status, printed) = retire(&site, &["--execute"])?;
    assert_eq!((status, &printed["step"]), (Some(0), &json!("retired")), "{printed}");
    let left: i64 = sqlx::query_scalar(
        "select (select count(*) from pg_namespace where nspname = 'turnout')
            + (select count(*) from pg_trigger where tgname like 'turnout%')
            + (select count(*) from pg_sequences where increment_by <> 1 and schemaname = 'public')",
    )
    .fetch_one(&old)
    .await?;
    assert_eq!(left, 0);
    let steps: i64 =
        sqlx::query_scalar("select count(*) from pg_sequences where increment_by <> 1 and schemaname = 'public'")
            .fetch_one(&new)
            .await?;
    assert_eq!(steps, 0);
    let report = fs::read_to_string(site.folder().join("turnout-last-report.html"))?;
    assert!(report.contains("<td>retire</td>"), "{report}");
    let (status, printed) = retire(&site, &["--execute"])?;
    assert_eq!((status, &printed["step"]), (Some(0), &json!("retired")), "{printed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn old_that_is_still_an_authority_is_not_retired() -> Result<()> {
    let site = Site::set_up().await?;
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let host = site.host().await?;
    site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    site.turnout(&["verify"])?;
    let (status, printed) = retire(&site, &["--execute"])?;
    assert_eq!(
        (status, failed(&printed)),
        (Some(1), vec!["no repository has rows whose authority may be old"]),
        "{printed}"
    );
    let answer = host.get("/rest/v1/clients?phone=eq.89686484488&select=id").await?;
    assert_eq!(answer.backend(), "old");
    Ok(())
}
