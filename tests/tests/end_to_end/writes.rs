//! Writes in the PostgREST dialect, on real rows.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use turnout_tests::{Answer, Host, Site, eventually};

const MINIMAL: &str = "return=minimal";
const WHOLE: &str = "return=representation";

/// Sends rows, or nothing, with preferences.
async fn send(host: &Host, method: Method, path: &str, prefer: &str, rows: &Value) -> Result<Answer> {
    let request = host
        .request(method, &format!("/rest/v1/{path}"))
        .header("prefer", prefer);
    host.send(if rows.is_null() { request } else { request.json(rows) })
        .await
}

async fn count(database: &PgPool, condition: &'static str) -> Result<i64> {
    Ok(sqlx::query_scalar(condition).fetch_one(database).await?)
}

#[tokio::test]
async fn an_insert_answers_with_as_much_as_was_asked_for() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, new) = site.databases().await?;
    let row = |title: &str| json!({"title": title, "price": 12.5});

    let minimal = send(&host, Method::POST, "services", MINIMAL, &row("a")).await?;
    assert_eq!(
        (
            minimal.status.as_u16(),
            minimal.text.as_str(),
            minimal.header("location")
        ),
        (201, "", "")
    );
    assert_eq!(
        (minimal.header("preference-applied"), minimal.header("content-range")),
        (MINIMAL, "*/*")
    );
    let silent = host
        .send(host.request(Method::POST, "/rest/v1/services").json(&row("b")))
        .await?;
    assert_eq!((silent.status.as_u16(), silent.text.as_str()), (201, ""));

    let located = send(&host, Method::POST, "services", "return=headers-only", &row("c")).await?;
    assert_eq!((located.status.as_u16(), located.text.as_str()), (201, ""));
    let found = host
        .get(&format!(
            "/rest/v1{}&select=title,price::text",
            located.header("location")
        ))
        .await?;
    assert_eq!(
        found.json(),
        json!([{"title": "c", "price": "12.50"}]),
        "{}",
        located.header("location")
    );

    let whole = send(&host, Method::POST, "services?select=title,is_active", WHOLE, &row("d")).await?;
    assert_eq!(
        (whole.status.as_u16(), whole.json()),
        (201, json!([{"title": "d", "is_active": true}]))
    );
    let many = json!([row("e"), row("f"), row("g")]);
    let many = send(
        &host,
        Method::POST,
        "services?select=title",
        "return=representation,count=exact",
        &many,
    )
    .await?;
    assert_eq!(many.json(), json!([{"title": "e"}, {"title": "f"}, {"title": "g"}]));
    assert_eq!((many.status.as_u16(), many.header("content-range")), (201, "*/3"));
    let object = host
        .request(Method::POST, "/rest/v1/services?select=title")
        .header("prefer", WHOLE)
        .header("accept", "application/vnd.pgrst.object+json")
        .json(&row("h"));
    assert_eq!(host.send(object).await?.text, r#"{"title":"h"}"#);

    let none = send(&host, Method::POST, "services", WHOLE, &json!([])).await?;
    assert_eq!((none.status.as_u16(), none.json()), (201, json!([])));
    let titles = "select count(*) from services where length(title) = 1 and price = 12.5";
    assert_eq!(count(&old, titles).await?, 8);
    eventually("they are mirrored", async || {
        (count(&new, titles).await.ok()? == 8).then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn an_upsert_on_a_business_key_merges_or_ignores() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    let path = "clients?on_conflict=yclients_id,company_id&select=name,visit_count";
    let merge = "resolution=merge-duplicates,return=representation";
    let ignore = "resolution=ignore-duplicates,return=representation";
    let row = |name: &str| json!({"yclients_id": 77, "company_id": 1, "phone": "89990000001", "name": name});

    let inserted = send(&host, Method::POST, path, merge, &row("first")).await?;
    assert_eq!(
        (inserted.status.as_u16(), inserted.json()),
        (201, json!([{"name": "first", "visit_count": 0}]))
    );
    let merged = send(&host, Method::POST, path, merge, &row("second")).await?;
    assert_eq!(
        (merged.status.as_u16(), merged.json()),
        (200, json!([{"name": "second", "visit_count": 0}]))
    );
    assert_eq!(
        merged.header("preference-applied"),
        "resolution=merge-duplicates, return=representation"
    );
    let ignored = send(&host, Method::POST, path, ignore, &row("third")).await?;
    assert_eq!((ignored.status.as_u16(), ignored.json()), (201, json!([])));
    let names = "select count(*) from clients where yclients_id = 77 and name = 'second'";
    assert_eq!(count(&old, names).await?, 1);

    let by_key = json!({"id": 3, "name": "by its key", "phone": "89990000003"});
    let by_key = send(&host, Method::POST, "clients?select=id,name", merge, &by_key).await?;
    assert_eq!(
        (by_key.status.as_u16(), by_key.json()),
        (200, json!([{"id": 3, "name": "by its key"}]))
    );

    let bulk: Value = (0..100)
        .map(|n| json!({"yclients_id": 18_200_013 + 13 * n, "company_id": 1, "title": format!("bulk {n}")}))
        .collect();
    let bulk_path = "services?on_conflict=yclients_id,company_id";
    let bulk = send(
        &host,
        Method::POST,
        bulk_path,
        "resolution=merge-duplicates,count=exact",
        &bulk,
    )
    .await?;
    assert_eq!((bulk.status.as_u16(), bulk.header("content-range")), (201, "*/100"));
    assert_eq!(count(&old, "select count(*) from services").await?, 100);

    let unfit = send(&host, Method::POST, "clients?on_conflict=name", merge, &row("fourth")).await?;
    assert_eq!((unfit.status.as_u16(), &unfit.json()["code"]), (400, &json!("42P10")));
    Ok(())
}

#[tokio::test]
async fn an_update_and_a_removal_touch_the_matching_rows() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;

    let minimal = send(
        &host,
        Method::PATCH,
        "services?id=lt.3",
        MINIMAL,
        &json!({"minutes": 1}),
    )
    .await?;
    assert_eq!(
        (
            minimal.status.as_u16(),
            minimal.text.as_str(),
            minimal.header("content-range")
        ),
        (204, "", "0-1/*")
    );
    let path = "services?id=in.(1,2)&select=id,minutes";
    let whole = send(&host, Method::PATCH, path, WHOLE, &json!({"minutes": 2})).await?;
    assert_eq!(whole.status, 200);
    assert_eq!(whole.json().as_array().map(Vec::len), Some(2));
    assert_eq!(count(&old, "select count(*) from services where minutes = 2").await?, 2);
    let none = send(
        &host,
        Method::PATCH,
        "services?id=eq.999",
        WHOLE,
        &json!({"minutes": 3}),
    )
    .await?;
    assert_eq!(
        (none.status.as_u16(), none.json(), none.header("content-range")),
        (200, json!([]), "*/*")
    );

    let two_for_one = host
        .request(Method::PATCH, "/rest/v1/services?id=lt.3")
        .header("accept", "application/vnd.pgrst.object+json")
        .header("prefer", WHOLE)
        .json(&json!({"minutes": 4}));
    assert_eq!(host.send(two_for_one).await?.status, 406);
    assert_eq!(
        count(&old, "select count(*) from services where minutes = 4").await?,
        0,
        "it was taken back"
    );

    let removed = send(&host, Method::DELETE, "staff_schedules?id=lte.3", MINIMAL, &Value::Null).await?;
    assert_eq!((removed.status.as_u16(), removed.text.as_str()), (204, ""));
    let path = "staff_schedules?id=eq.4&select=id";
    let removed = send(
        &host,
        Method::DELETE,
        path,
        "return=representation,count=exact",
        &Value::Null,
    )
    .await?;
    assert_eq!((removed.status.as_u16(), removed.json()), (200, json!([{"id": 4}])));
    assert_eq!(removed.header("content-range"), "*/1");
    assert_eq!(count(&old, "select count(*) from staff_schedules").await?, 956);
    Ok(())
}

#[tokio::test]
async fn an_impossible_write_is_refused_as_postgrest_does() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    let second: String = sqlx::query_scalar("select phone from clients where id = 2")
        .fetch_one(&old)
        .await?;
    let taken = send(
        &host,
        Method::POST,
        "clients",
        MINIMAL,
        &json!({"name": "x", "phone": second}),
    )
    .await?;
    assert_eq!(taken.status, 409);
    assert_eq!(
        taken.json(),
        json!({"code": "23505", "details": format!("Key (phone)=({second}) already exists."), "hint": null,
               "message": "duplicate key value violates unique constraint \"clients_phone_key\""})
    );
    for (method, path, rows, status, code) in [
        (Method::POST, "services", json!({"price": 1}), 400, "23502"),
        (
            Method::POST,
            "services",
            json!({"title": "x", "price": "dear"}),
            400,
            "22P02",
        ),
        (
            Method::POST,
            "services",
            json!({"title": "x", "colour": "red"}),
            400,
            "PGRST204",
        ),
        (
            Method::POST,
            "services",
            json!({"title": "x", "company_id": 99}),
            409,
            "23503",
        ),
        (
            Method::POST,
            "services",
            json!([{"title": "x"}, {"price": 1}]),
            400,
            "PGRST102",
        ),
        (Method::POST, "services", json!("x"), 400, "PGRST102"),
        (Method::POST, "services", json!({"title": "a\0b"}), 400, "22P05"),
        (Method::POST, "stuff", json!({"title": "x"}), 404, "PGRST205"),
        (Method::PATCH, "services?id=eq.1", json!({"title": null}), 400, "23502"),
        (
            Method::PATCH,
            "services?id=eq.1",
            json!({"title": "a\0b"}),
            400,
            "22P05",
        ),
        (Method::PATCH, "services?no=eq.1", json!({"title": "x"}), 400, "42703"),
        (Method::DELETE, "staff?id=eq.1", Value::Null, 409, "23503"),
        (Method::DELETE, "services?id=1", Value::Null, 400, "PGRST100"),
    ] {
        let refused = send(&host, method.clone(), path, WHOLE, &rows).await?;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["code"]),
            (status, &json!(code)),
            "{method} {path} {rows}: {}",
            refused.text
        );
    }
    let broken = host
        .request(Method::POST, "/rest/v1/services")
        .header("content-type", "application/json")
        .body("{\"title\": ");
    assert_eq!(host.send(broken).await?.json()["code"], "PGRST102");
    assert_eq!(count(&old, "select count(*) from services").await?, 24);
    assert_eq!(
        count(&old, "select count(*) from services where title in ('x', 'ab')").await?,
        0
    );
    Ok(())
}

#[tokio::test]
async fn what_is_written_is_what_is_stored() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    let title = r#"O'Brien "quoted" \ $1 {} 🙂 — шик"#;
    let body = format!(
        r#"{{"title": {}, "price": 12.50, "yclients_id": 9007199254740993, "category": ""}}"#,
        json!(title)
    );
    let request = host
        .request(
            Method::POST,
            "/rest/v1/services?select=title,price,yclients_id,category,minutes",
        )
        .header("content-type", "application/json")
        .header("prefer", WHOLE)
        .body(body);
    let written = host.send(request).await?;
    let expected = format!(
        r#"[{{"title":{},"price":12.50,"yclients_id":9007199254740993,"category":"","minutes":null}}]"#,
        json!(title)
    );
    assert_eq!((written.status.as_u16(), written.text), (201, expected));
    let stored: (String, String, i64) =
        sqlx::query_as("select title, price::text, yclients_id from services where category = ''")
            .fetch_one(&old)
            .await?;
    assert_eq!(stored, (title.to_owned(), "12.50".to_owned(), 9_007_199_254_740_993));
    let found = host
        .send(
            host.request(Method::GET, "/rest/v1/services?select=price")
                .query(&[("title", format!("eq.{title}"))]),
        )
        .await?;
    assert_eq!(found.text, r#"[{"price":12.50}]"#);

    let state = json!({"step": "confirmed", "deep": [{"a": null}, "🙂", 1.50], "quote": "it's \"it\""});
    let row = json!({"user_id": "89990000002", "company_id": 1, "state": state});
    let written = send(&host, Method::POST, "dialog_contexts?select=state", WHOLE, &row).await?;
    assert_eq!(written.json(), json!([{"state": state}]));
    let row = json!({"name": "x", "phone": "89990000004", "tags": ["vip", "a,b", "\"q\""], "birth_date": "1990-02-28",
                     "last_visit_at": "2026-01-02T03:04:05.678901+03:00"});
    let written = send(
        &host,
        Method::POST,
        "clients?select=tags,birth_date,last_visit_at",
        WHOLE,
        &row,
    )
    .await?;
    assert_eq!(
        written.json(),
        json!([{"tags": ["vip", "a,b", "\"q\""], "birth_date": "1990-02-28",
                "last_visit_at": "2026-01-02T00:04:05.678901+00:00"}])
    );
    Ok(())
}

#[tokio::test]
async fn a_write_whose_commit_fails_is_not_acknowledged() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    // The database finds the error only after it has made the answer.
    sqlx::raw_sql(
        "create function never() returns trigger language plpgsql as $$ begin raise 'never' using errcode = 'PT418'; end $$;
         create constraint trigger never after insert on services deferrable initially deferred
         for each row when (new.category = 'never') execute function never();",
    )
    .execute(&old)
    .await?;
    for size in [1, 100_000] {
        let row = json!({"title": "x".repeat(size), "category": "never"});
        let refused = send(&host, Method::POST, "services", WHOLE, &row).await?;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["code"]),
            (418, &json!("PT418")),
            "{size}"
        );
    }
    assert_eq!(count(&old, "select count(*) from services").await?, 24);
    Ok(())
}

#[tokio::test]
async fn a_write_without_a_filter_is_refused_unless_allowed() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    let before = count(&old, "select count(*) from services").await?;
    for (method, path, rows, message) in [
        (
            Method::DELETE,
            "services",
            Value::Null,
            "DELETE requires a WHERE clause",
        ),
        (
            Method::DELETE,
            "services?select=id",
            Value::Null,
            "DELETE requires a WHERE clause",
        ),
        (
            Method::PATCH,
            "services",
            json!({"price": 0}),
            "UPDATE requires a WHERE clause",
        ),
    ] {
        let refused = send(&host, method, path, WHOLE, &rows).await?;
        assert_eq!(
            (
                refused.status.as_u16(),
                &refused.json()["code"],
                &refused.json()["message"]
            ),
            (400, &json!("21000"), &json!(message))
        );
    }
    let transaction = json!({"operations": [{"action": "delete", "repository": "services"}]});
    let refused = host.write(Method::POST, "/v1/transactions", &transaction).await?;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (400, &json!("21000"))
    );
    assert_eq!(count(&old, "select count(*) from services").await?, before);
    host.stop().await?;

    site.configure(&[("repositories.services.unfiltered_writes", "true")])?;
    let host = site.host().await?;
    let done = send(&host, Method::PATCH, "services", WHOLE, &json!({"price": 1})).await?;
    assert_eq!(done.status.as_u16(), 200, "{}", done.text);
    Ok(())
}
