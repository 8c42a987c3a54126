//! Who is answered by which backend, and how that changes while the host runs.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use turnout_tests::{Site, eventually};

const TEST_PHONE: &str = "/rest/v1/clients?phone=eq.89686484488&select=id,phone";

#[tokio::test]
async fn the_test_phone_is_answered_by_new_and_everybody_else_by_old() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let test_phone = host.get(TEST_PHONE).await?;
    assert_eq!((test_phone.status.as_u16(), test_phone.backend()), (200, "new"));
    assert_eq!(test_phone.json(), json!([{"id": 1, "phone": "89686484488"}]));
    let other = host.get("/rest/v1/clients?id=eq.2&select=id").await?;
    assert_eq!((other.json(), other.backend()), (json!([{"id": 2}]), "old"));
    Ok(())
}

#[tokio::test]
async fn a_saved_setting_decides_the_next_request_and_a_bad_one_changes_nothing() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    assert_eq!(host.get(TEST_PHONE).await?.header("x-turnout-epoch"), "1");

    site.route("[default]\nstage = \"off\"\n")?;
    eventually("the test phone is answered by old", async || {
        let answer = host.get(TEST_PHONE).await.ok()?;
        (answer.backend() == "old" && answer.header("x-turnout-epoch") == "2").then_some(())
    })
    .await;

    site.route("[default]\nstage = \"sideways\"\n")?;
    let refused = eventually("the refusal shows in the status", async || {
        host.get("/v1/status").await.ok()?.json()["refused"]
            .as_object()
            .cloned()
    })
    .await;
    assert!(
        refused["file"].as_str().unwrap_or_default().ends_with("routing.toml"),
        "{refused:?}"
    );
    assert_eq!(refused["line"], 2);
    assert!(
        refused["reason"].as_str().unwrap_or_default().contains("sideways"),
        "{refused:?}"
    );
    let answer = host.get(TEST_PHONE).await?;
    assert_eq!((answer.backend(), answer.header("x-turnout-epoch")), ("old", "2"));
    Ok(())
}

#[tokio::test]
async fn a_write_goes_to_the_authority_alone() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, new) = site.databases().await?;
    for (filter, backend) in [
        ("phone=eq.%2B79686484488", "new"),
        ("id=eq.1", "new"),
        ("id=eq.2", "old"),
    ] {
        let written = host
            .write(
                Method::PATCH,
                &format!("/rest/v1/clients?{filter}"),
                &json!({"notes": filter}),
            )
            .await?;
        let rows = written.json();
        let expected = if filter.starts_with("phone") { 0 } else { 1 };
        assert_eq!(
            (rows.as_array().map(Vec::len), written.backend()),
            (Some(expected), backend),
            "{filter}"
        );
        let count = "select count(*) from clients where notes = $1";
        let on_old: i64 = sqlx::query_scalar(count).bind(filter).fetch_one(&old).await?;
        let on_new: i64 = sqlx::query_scalar(count).bind(filter).fetch_one(&new).await?;
        let there = i64::try_from(expected)?;
        assert_eq!(
            (on_old, on_new),
            if backend == "old" { (there, 0) } else { (0, there) },
            "{filter}"
        );
    }
    Ok(())
}
