//! `turnout report` shows the parallel run, as a page and as JSON.

use std::fs;

use anyhow::Result;
use serde_json::{Value, json};
use turnout_tests::Site;

#[tokio::test(flavor = "multi_thread")]
async fn parallel_run_is_reported_as_page_and_json() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("backends.new.label", "'<new & own>'")])?;
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let host = site.host().await?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    for _ in 0..10 {
        host.get("/rest/v1/clients?phone=eq.89686484488").await?;
    }
    site.route("[default]\nstage = 'live'\n")?;
    host.status_with("everybody is on new", |status| {
        status["epoch"].as_u64() >= Some(2) && status["leaving"] == json!([])
    })
    .await;
    for _ in 0..5 {
        host.get("/rest/v1/clients?phone=eq.89686484488").await?;
    }
    host.stop().await?;
    site.turnout(&["verify"])?;

    let report: Value = serde_json::from_str(&site.turnout(&["report", "--json"])?)?;
    let totals = &report["totals"];
    assert_eq!(
        (&totals["operations"], &totals["errors"]),
        (&json!(15), &json!(0)),
        "{report}"
    );
    assert_eq!(
        (
            &totals["sides"]["old"]["operations"],
            &totals["sides"]["new"]["operations"]
        ),
        (&json!(10), &json!(5))
    );
    assert!(
        totals["sides"]["new"]["latency"]["p99_ms"].as_f64() > Some(0.0),
        "{report}"
    );
    let evidence = report["evidence"].as_array();
    let verify = evidence.and_then(|all| all.iter().find(|kept| kept["kind"] == "verify"));
    assert_eq!(verify.map(|kept| &kept["passed"]), Some(&json!(true)), "{report}");
    let handoffs = report["handoffs"].as_array().map_or(0, Vec::len);
    assert!(handoffs >= 2, "{report}");
    assert_eq!(report["operations"][0]["repository"], "clients");

    let file = site.folder().join("report.html");
    let said = site.turnout(&["report", "--output", &file.display().to_string()])?;
    assert_eq!(said, "");
    let page = fs::read_to_string(&file)?;
    assert!(
        page.starts_with("<!doctype html>") && page.contains("&lt;new &amp; own&gt;"),
        "{page}"
    );
    assert!(
        page.contains("7 of 7 repositories equal") && !page.contains("686484488"),
        "{page}"
    );

    let nothing: Value = serde_json::from_str(&site.turnout(&["report", "--json", "--since", "1s"])?)?;
    assert_eq!(nothing["totals"]["operations"], json!(0));
    let (succeeded, _, err) = site.said(&["report", "--since", "yesterday"])?;
    assert!(!succeeded && err.contains("such as 48h"), "{err}");
    Ok(())
}
