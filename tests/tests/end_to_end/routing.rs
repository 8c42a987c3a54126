//! Which backend answers whom, and how that changes while the host runs.

use std::fs;

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use turnout_tests::{Host, Site, eventually};

const TEST_PHONE: &str = "/rest/v1/clients?phone=eq.89686484488&select=id,phone";

/// Settings of the dual-write policy.
const NOTHING_MIRRORED: &str = "mirror = 'off'\n";

#[tokio::test]
async fn new_answers_the_test_phone_and_old_everybody_else() -> Result<()> {
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
async fn a_saved_setting_decides_the_next_request() -> Result<()> {
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
async fn an_unmirrored_write_goes_to_the_authority_alone() -> Result<()> {
    let site = Site::set_up().await?;
    site.put("dual-write.toml", NOTHING_MIRRORED)?;
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
        let expected = usize::from(!filter.starts_with("phone"));
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

#[tokio::test]
async fn a_subject_named_in_a_header_decides_who_is_read() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let named = |subject: &str| {
        let request = host.request(Method::GET, "/rest/v1/clients?id=eq.1&select=id");
        host.send(request.header("x-turnout-subject", subject))
    };
    assert_eq!(named("+7 968 648-44-88").await?.backend(), "new");
    assert_eq!(named("89990000000").await?.backend(), "old");
    let refused = named("nobody").await?;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (400, &json!("TURNOUT_SUBJECT"))
    );
    Ok(())
}

/// Gives a client another phone by a write on `from`. The client is on `to` when the answer comes.
async fn hand_over(host: &Host, key: u32, change: &Value, from: &str, to: &str) -> Result<()> {
    let path = format!("/rest/v1/clients?id=eq.{key}&select=id,phone");
    let handed = host.write(Method::PATCH, &path, change).await?;
    assert_eq!(
        (handed.status.as_u16(), handed.backend()),
        (200, from),
        "{}",
        handed.text
    );
    assert_eq!(handed.header("x-turnout-mirror"), "done");
    let phone = change["phone"].as_str().unwrap_or_default();
    let there = host
        .get(&format!("/rest/v1/clients?phone=eq.{phone}&select=id,phone"))
        .await?;
    assert_eq!((there.json(), there.backend()), (handed.json(), to), "{phone}");
    Ok(())
}

#[tokio::test]
async fn a_row_with_a_new_subject_arrives_before_the_answer() -> Result<()> {
    let site = Site::set_up().await?;
    let routes = fs::read_to_string(site.policies().join("routing.toml"))?;
    site.route(&routes.replacen("89686484488", "89686484488\", \"89990001111", 1))?;
    let host = site.host().await?;
    for (phone, from, to) in [("89990001111", "old", "new"), ("89990002222", "new", "old")] {
        hand_over(&host, 2, &json!({"phone": phone}), from, to).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_row_with_a_new_key_is_handed_over_unmirrored() -> Result<()> {
    let site = Site::set_up().await?;
    site.put("dual-write.toml", NOTHING_MIRRORED)?;
    let routes = fs::read_to_string(site.policies().join("routing.toml"))?;
    site.route(&routes.replacen("89686484488", "89686484488\", \"89990001111", 1))?;
    let host = site.host().await?;
    let (_, new) = site.databases().await?;
    let company: i32 = sqlx::query_scalar("select company_id from clients where id = 1")
        .fetch_one(&new)
        .await?;
    // The stale copy that stays on the side that is left has the same other unique key.
    let nobody_refers_to_it = json!({"id": 1_000_001, "name": "x", "phone": "89990003333", "yclients_id": 1_000_001,
                                     "company_id": company});
    let inserted = host
        .write(Method::POST, "/rest/v1/clients", &nobody_refers_to_it)
        .await?;
    assert_eq!(
        (inserted.status.as_u16(), inserted.backend()),
        (201, "old"),
        "{}",
        inserted.text
    );
    for (key, next, phone, from, to) in [
        (1_000_001, 1_000_003, "89990001111", "old", "new"),
        (1_000_003, 1_000_005, "89990002222", "new", "old"),
    ] {
        hand_over(&host, key, &json!({"id": next, "phone": phone}), from, to).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_copy_on_the_other_side_is_never_written() -> Result<()> {
    let site = Site::set_up().await?;
    site.put("dual-write.toml", NOTHING_MIRRORED)?;
    let host = site.host().await?;
    let (old, new) = site.databases().await?;
    let name = "select name from clients where id = 1";
    let before: String = sqlx::query_scalar(name).fetch_one(&old).await?;
    let renamed = host
        .write(Method::PATCH, "/rest/v1/clients?id=eq.1", &json!({"name": "Renamed"}))
        .await?;
    assert_eq!((renamed.status.as_u16(), renamed.backend()), (200, "new"));

    // Only the stale copy on `old` still has the former name, so no row matches on its authority.
    let path = format!("/rest/v1/clients?name=eq.{before}&id=eq.1");
    for method in [Method::PATCH, Method::DELETE] {
        let none = host.write(method.clone(), &path, &json!({"name": "Copy"})).await?;
        assert_eq!((none.status.as_u16(), none.json()), (200, json!([])), "{method}");
    }

    // The bot upserts on the business key, which does not tell the subject of the row that it finds.
    let row: (i64, i32) = sqlx::query_as("select yclients_id, company_id from clients where id = 1")
        .fetch_one(&new)
        .await?;
    for phone in [None, Some("89990000000")] {
        let mut upsert = json!({"yclients_id": row.0, "company_id": row.1, "name": "Upserted"});
        if let Some(phone) = phone {
            upsert["phone"] = phone.into();
        }
        let request = host
            .request(Method::POST, "/rest/v1/clients?on_conflict=yclients_id,company_id")
            .header("prefer", "resolution=merge-duplicates");
        let refused = host.send(request.json(&upsert)).await?;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["code"]),
            (409, &json!("TURNOUT_AUTHORITY")),
            "{phone:?}"
        );
    }
    assert_eq!(sqlx::query_scalar::<_, String>(name).fetch_one(&old).await?, before);
    assert_eq!(sqlx::query_scalar::<_, String>(name).fetch_one(&new).await?, "Renamed");
    Ok(())
}
