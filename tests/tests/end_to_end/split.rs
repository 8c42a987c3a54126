//! Writes whose rows have different authorities: one request, two parts, one answer.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use turnout_tests::{Answer, Host, Site, eventually};

const ON_NEW: &str = "89686484488";
const ON_OLD: &str = "89990000001";

fn booking(phone: &str, comment: &str) -> Value {
    json!({"client_phone": phone, "comment": comment, "datetime": "2026-11-24T10:00:00Z"})
}

async fn send(host: &Host, method: Method, path: &str, prefer: &str, rows: &Value) -> Result<Answer> {
    let request = host
        .request(method, &format!("/rest/v1/{path}"))
        .header("prefer", prefer);
    host.send(if rows.is_null() { request } else { request.json(rows) })
        .await
}

fn provenance(answer: &Answer) -> (u16, &str, &str) {
    (
        answer.status.as_u16(),
        answer.backend(),
        answer.header("x-turnout-parts"),
    )
}

/// How many bookings with this comment a side has, of each of the two phones.
async fn bookings(database: &PgPool, comment: &str) -> Result<(i64, i64)> {
    let query = "select count(*) filter (where client_phone = $1), count(*) filter (where client_phone = $2) \
                 from bookings where comment = $3";
    let query = sqlx::query_as(query).bind(ON_OLD).bind(ON_NEW).bind(comment);
    Ok(query.fetch_one(database).await?)
}

#[tokio::test]
async fn a_write_across_authorities_is_split_and_says_so() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, new) = site.databases().await?;
    let rows: Value = (0..100)
        .map(|n| booking(if n % 40 == 0 { ON_OLD } else { ON_NEW }, "many"))
        .collect();
    let path = "bookings?select=client_phone,comment";
    let whole = "return=representation,count=exact";
    let inserted = send(&host, Method::POST, path, whole, &rows).await?;
    assert_eq!(
        provenance(&inserted),
        (201, "old, new", "old=3, new=97"),
        "{}",
        inserted.text
    );
    assert_eq!(inserted.header("content-range"), "*/100");
    assert_eq!(inserted.header("x-turnout-mirror"), "done");
    let returned = inserted.json();
    assert_eq!(returned.as_array().map(Vec::len), Some(100));
    assert_eq!(
        (bookings(&old, "many").await?, bookings(&new, "many").await?),
        ((3, 97), (0, 97)),
        "those on new are mirrored, those on old are not"
    );

    // Once with a filter that names no subject, and once with a filter that names both subjects.
    for (filter, comment) in [
        ("comment=eq.many".to_owned(), "all"),
        (
            format!("client_phone=in.({ON_NEW},%2B7{})&comment=eq.all", &ON_OLD[1..]),
            "listed",
        ),
        (
            format!("client_phone=in.({ON_NEW},{ON_OLD})&comment=in.(all,listed)"),
            "listed",
        ),
    ] {
        let path = format!("bookings?{filter}&select=comment");
        let updated = send(&host, Method::PATCH, &path, whole, &json!({"comment": comment})).await?;
        let parts = if filter.contains("%2B") {
            "old=0, new=97"
        } else {
            "old=3, new=97"
        };
        assert_eq!(provenance(&updated), (200, "old, new", parts), "{}", updated.text);
        let rows = if filter.contains("%2B") { 97 } else { 100 };
        assert_eq!(updated.header("content-range"), format!("0-{}/{rows}", rows - 1));
        assert_eq!(updated.json().as_array().map(Vec::len), Some(rows));
    }
    let removed = send(
        &host,
        Method::DELETE,
        "bookings?comment=eq.listed",
        "return=minimal",
        &Value::Null,
    )
    .await?;
    assert_eq!(provenance(&removed), (204, "old, new", "old=3, new=97"));
    assert_eq!(removed.text, "");
    eventually("nothing is left of them", async || {
        let left = (
            bookings(&old, "listed").await.ok()?,
            bookings(&new, "listed").await.ok()?,
        );
        (left == ((0, 0), (0, 0))).then_some(())
    })
    .await;

    let alone = send(&host, Method::POST, path, whole, &json!([booking(ON_NEW, "alone")])).await?;
    assert_eq!(provenance(&alone), (201, "new", ""));
    Ok(())
}

#[tokio::test]
async fn a_write_of_a_single_row_is_not_split() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, new) = site.databases().await?;
    let rows = json!([booking(ON_OLD, "one"), booking(ON_NEW, "one")]);
    let request = host
        .request(Method::POST, "/rest/v1/bookings")
        .header("prefer", "return=representation")
        .header("accept", "application/vnd.pgrst.object+json");
    let refused = host.send(request.json(&rows)).await?;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert_eq!(refused.json()["code"], "TURNOUT_AUTHORITY");
    assert_eq!(
        (bookings(&old, "one").await?, bookings(&new, "one").await?),
        ((0, 0), (0, 0))
    );
    Ok(())
}

#[tokio::test]
async fn a_failed_part_of_a_split_write_is_told() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, new) = site.databases().await?;
    sqlx::raw_sql("alter table bookings add constraint not_here check (comment <> 'partly')")
        .execute(&new)
        .await?;
    let rows = json!([
        booking(ON_OLD, "partly"),
        booking(ON_NEW, "partly"),
        booking(ON_OLD, "partly")
    ]);
    let partial = send(&host, Method::POST, "bookings", "return=representation", &rows).await?;
    assert_eq!(partial.status, 400, "{}", partial.text);
    let body = partial.json();
    assert_eq!(body["code"], "TURNOUT_PARTIAL");
    let details = body["details"].as_str().unwrap_or_default();
    assert!(
        details.starts_with("Done: 2 rows on backend old. Not done: the rest, which was refused with 23514."),
        "{details}"
    );
    assert_eq!(partial.header("x-turnout-parts"), "old=2");
    assert_eq!(
        (bookings(&old, "partly").await?, bookings(&new, "partly").await?),
        ((2, 0), (0, 0))
    );

    // If the first part fails, nothing is done.
    let mut nothing = json!([booking(ON_OLD, "none"), booking(ON_NEW, "none")]);
    nothing[0]["status"] = "unheard of".into();
    nothing[1]["status"] = "confirmed".into();
    let refused = send(&host, Method::POST, "bookings", "return=representation", &nothing).await?;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (400, &json!("23514"))
    );
    assert_eq!(
        (bookings(&old, "none").await?, bookings(&new, "none").await?),
        ((0, 0), (0, 0))
    );
    Ok(())
}

#[tokio::test]
async fn a_split_write_lives_through_a_change_of_authority() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, new) = site.databases().await?;
    let stage = |stage: &str| {
        site.route(&format!(
            "[[cohort]]\nname = 'test phone'\nsubjects = ['{ON_NEW}']\nstage = '{stage}'\n[default]\nstage = 'dualwrite'\n"
        ))
    };
    let rows = json!([booking(ON_OLD, "moved"), booking(ON_NEW, "moved")]);
    let mut done = 0;
    for (next, parts) in [
        ("dualwrite", "old"),
        ("live", "old, new"),
        ("dualwrite", "old"),
        ("live", "old, new"),
    ] {
        stage(next)?;
        eventually("the parts are as the stage has them", async || {
            let path = "bookings?select=id";
            let inserted = send(&host, Method::POST, path, "return=representation", &rows)
                .await
                .ok()?;
            assert_eq!(inserted.status, 201, "{}", inserted.text);
            assert_eq!(inserted.json().as_array().map(Vec::len), Some(2));
            done += 1;
            (inserted.backend() == parts).then_some(())
        })
        .await;
    }
    eventually("both sides have all of them", async || {
        let rows = (bookings(&old, "moved").await.ok()?, bookings(&new, "moved").await.ok()?);
        (rows == ((done, done), (done, done))).then_some(())
    })
    .await;
    Ok(())
}
