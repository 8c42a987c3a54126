//! Parked and waiting keys hold up the change of authority of their own subjects only.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use turnout_tests::{Host, Site, eventually};

const OLD: &str = "[default]\nstage = 'dualwrite'\n";

const PHONE_ON_NEW: &str =
    "[[cohort]]\nname = 'test phone'\nsubjects = ['89686484488']\nstage = 'live'\n[default]\nstage = 'dualwrite'\n";

const CLIENT: &str = "/rest/v1/clients?phone=eq.89686484488&select=id,notes";

async fn dual_writing() -> Result<(Site, Host, PgPool)> {
    let site = Site::set_up().await?;
    site.configure(&[("handoff.budget", "'15s'")])?;
    site.route(OLD)?;
    let host = site.host().await?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    let (old, _) = site.databases().await?;
    Ok((site, host, old))
}

/// Parks keys of a table, one for each number `n` from 1 to `keys`. An SQL expression over `n` gives the subject.
async fn park(old: &PgPool, table: &str, subject: &str, keys: u32) -> Result<()> {
    let park = format!(
        "insert into turnout.held
            (repository, key, subjects, xids, epoch, behind, attempts, since, due, sqlstate, reason, parked_at)
        select number, json_build_object('id', 1000000 + n)::text, array[{subject}], '{{}}', 1, false, 12, now(), now(),
            '23505', 'clients_phone_key', now()
        from turnout.repository, generate_series(1, {keys}) as n where table_name = '{table}'"
    );
    sqlx::query(AssertSqlSafe(park)).execute(old).await?;
    Ok(())
}

#[tokio::test]
async fn parked_keys_of_other_subjects_hold_up_nobody() -> Result<()> {
    let (site, host, old) = dual_writing().await?;
    park(&old, "clients", "'8900' || (1000000 + n)", 1100).await?;
    // Rows without a subject keep their authority, however many of their keys are parked.
    park(&old, "services", "null", 3).await?;
    site.route(PHONE_ON_NEW)?;
    eventually("the test phone is on new", async || {
        let written = host
            .write(Method::PATCH, CLIENT, &json!({ "notes": "moved" }))
            .await
            .ok()?;
        (written.status == 200 && written.backend() == "new").then_some(())
    })
    .await;
    let status = host.get("/v1/status").await?.json();
    assert_eq!(status["refused"], json!(null), "{status}");
    Ok(())
}

#[tokio::test]
async fn parked_keys_that_hold_up_a_move_name_no_subject() -> Result<()> {
    let (site, host, old) = dual_writing().await?;
    park(&old, "clients", "'8900' || (1000000 + n)", 1100).await?;
    park(&old, "bookings", "'8 968 648-44-88'", 2).await?;
    site.route(PHONE_ON_NEW)?;
    let status = host
        .status_with("the refusal shows", |status| !status["refused"].is_null())
        .await;
    let reason = status["refused"]["reason"].as_str().unwrap();
    assert!(
        reason.contains("parked on backend old (bookings: 2 keys of subjects ")
            && reason.contains(", reason 23505 clients_phone_key)"),
        "{reason}"
    );
    for told in [reason, &host.log()] {
        assert!(!told.contains("6484488") && !told.contains("648-44"), "{told}");
    }
    let written = host.write(Method::PATCH, CLIENT, &json!({ "notes": "stays" })).await?;
    assert_eq!(
        (written.status.as_u16(), written.backend()),
        (200, "old"),
        "{}",
        written.text
    );
    Ok(())
}
