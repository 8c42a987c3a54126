//! `Accept: application/vnd.pgrst.plan`: answers with PostgreSQL's plans.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use super::samples::Samples;

const ON: [(&str, &str); 1] = [("api.plan", "true")];

#[tokio::test]
async fn a_plan_is_text_or_json_with_the_options_asked_for() -> Result<()> {
    let samples = Samples::set_up_with(&ON).await?;
    let path = "samples?select=id&id=gt.1&limit=2";
    let text = samples
        .ask(Method::GET, path, &[("accept", "application/vnd.pgrst.plan")])
        .await?;
    assert_eq!(text.status, 200, "{}", text.text);
    assert_eq!(
        text.header("content-type"),
        r#"application/vnd.pgrst.plan+text; for="application/json"; charset=utf-8"#
    );
    assert!(text.text.starts_with("Aggregate  (cost="), "{}", text.text);
    assert!(text.text.lines().count() > 3 && text.text.contains("on samples _turnout"));

    let accept = r#"application/vnd.pgrst.plan+json; for="text/csv"; options=analyze|verbose|settings|buffers|wal"#;
    let json = samples.ask(Method::GET, path, &[("accept", accept)]).await?;
    assert_eq!(json.header("content-type"), format!("{accept}; charset=utf-8"));
    let plan: Value = json.json();
    assert!(plan[0]["Plan"]["Actual Rows"].is_number(), "{plan}");
    assert!(plan[0]["Plan"]["Output"].is_array() && plan[0]["Execution Time"].is_number());
    Ok(())
}

#[tokio::test]
async fn an_explained_write_changes_nothing() -> Result<()> {
    let samples = Samples::set_up_with(&ON).await?;
    let before = samples.read("samples?order=id").await?;
    let accept = "application/vnd.pgrst.plan+json; options=analyze";
    for (method, path, rows) in [
        (Method::POST, "samples", json!({"id": 50})),
        (Method::PUT, "samples?id=eq.1", json!({"id": 1, "name": "z"})),
        (Method::PATCH, "samples?id=eq.1", json!({"name": "z"})),
        (Method::DELETE, "samples?id=eq.1", Value::Null),
    ] {
        let request = samples.host.request(method.clone(), &format!("/rest/v1/{path}"));
        let answer = samples.host.send(request.header("accept", accept).json(&rows)).await?;
        assert_eq!(answer.status, 200, "{method} {}", answer.text);
        let plan = answer.json().to_string();
        assert!(plan.contains("ModifyTable") && plan.contains("Actual Rows"), "{plan}");
    }
    assert_eq!(samples.read("samples?order=id").await?, before);
    Ok(())
}

#[tokio::test]
async fn plans_are_told_only_where_the_configuration_allows_them() -> Result<()> {
    let samples = Samples::set_up().await?;
    let accept = "application/vnd.pgrst.plan+json; options=verbose";
    let refused = samples.ask(Method::GET, "samples", &[("accept", accept)]).await?;
    assert_eq!(
        (refused.status.as_u16(), refused.text.as_str()),
        (
            406,
            r#"{"code":"PGRST107","details":null,"hint":null,"message":"None of these media types are available: application/vnd.pgrst.plan+json; for=\"application/json\"; options=verbose"}"#
        )
    );
    Ok(())
}
