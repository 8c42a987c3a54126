//! `PUT`: an upsert of one row by its key.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use turnout_tests::{Answer, Host, Site, eventually};

const ROWS: &str = "return=representation";

/// The phone whose rows are on `new`.
const TEST_PHONE: &str = "89686484488";

async fn put(host: &Host, path: &str, prefer: &str, rows: &Value) -> Result<Answer> {
    let request = host.request(Method::PUT, &format!("/rest/v1/{path}"));
    host.send(request.header("prefer", prefer).json(rows)).await
}

#[tokio::test]
async fn a_put_adds_a_row_and_then_replaces_it() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let path = "services?id=eq.500&select=id,title";
    for (title, status) in [("first", 201), ("second", 200)] {
        let row = json!([{"id": 500, "company_id": 1, "yclients_id": 500, "title": title}]);
        let answer = put(&host, path, ROWS, &row).await?;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
        assert_eq!(answer.json(), json!([{"id": 500, "title": title}]));
        assert_eq!(answer.header("preference-applied"), ROWS);
        assert_eq!(answer.header("content-range"), "");
    }
    let row = json!({"id": 500, "company_id": 1, "yclients_id": 500, "title": "third"});
    let minimal = put(&host, "services?id=eq.500", "resolution=ignore-duplicates", &row).await?;
    assert_eq!(
        (
            minimal.status.as_u16(),
            minimal.text.as_str(),
            minimal.header("preference-applied")
        ),
        (204, "", "")
    );
    let read = host.get("/rest/v1/services?id=eq.500&select=title").await?;
    assert_eq!(read.text, r#"[{"title":"third"}]"#);

    let other = json!({"id": 501, "company_id": 1, "yclients_id": 501, "title": "other"});
    let own = json!({"id": 500, "company_id": 1, "yclients_id": 500, "title": "fourth"});
    let chosen = put(&host, path, ROWS, &json!([other, own])).await?;
    assert_eq!(
        chosen.json(),
        json!([{"id": 500, "title": "fourth"}]),
        "the other row is left out"
    );
    assert_eq!(host.get("/rest/v1/services?id=eq.501").await?.text, "[]");
    Ok(())
}

#[tokio::test]
async fn a_put_is_routed_by_its_row_and_mirrored() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    let own = host
        .get(&format!("/rest/v1/clients?phone=eq.{TEST_PHONE}&select=id"))
        .await?;
    let id = own.json()[0]["id"].clone();
    let row = |phone: &str| json!({"id": id, "phone": phone, "name": "put"});
    let path = format!("clients?id=eq.{id}&select=name");
    let answer = put(&host, &path, ROWS, &row(TEST_PHONE)).await?;
    assert_eq!(
        (answer.status.as_u16(), answer.backend()),
        (200, "new"),
        "{}",
        answer.text
    );
    eventually("the row is mirrored", async || {
        let named = sqlx::query_scalar::<_, i64>("select count(*) from clients where name = 'put'");
        (named.fetch_one(&old).await.ok()? == 1).then_some(())
    })
    .await;
    let taken = put(&host, &path, ROWS, &row("89990000077")).await?;
    assert_eq!(
        (taken.status.as_u16(), &taken.json()["code"]),
        (409, &json!("TURNOUT_AUTHORITY")),
        "an upsert takes no row from another authority"
    );
    Ok(())
}

#[tokio::test]
async fn a_put_without_exactly_its_key_is_refused() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let row = json!({"id": 500, "company_id": 1, "yclients_id": 500, "title": "x"});
    let key = "Filters must include all and only primary key columns with 'eq' operators";
    let limit = "limit/offset querystring parameters are not allowed for PUT";
    let differs = "Payload values do not match URL in primary key column(s)";
    for (query, status, code, message) in [
        ("", 405, "PGRST105", key),
        ("?title=eq.x", 405, "PGRST105", key),
        ("?id=gt.500", 405, "PGRST105", key),
        ("?id=eq.500&title=eq.x", 405, "PGRST105", key),
        ("?id=eq.500&limit=1", 400, "PGRST114", limit),
        ("?id=eq.500&offset=1", 400, "PGRST114", limit),
        ("?id=eq.501", 400, "PGRST115", differs),
    ] {
        let refused = put(&host, &format!("services{query}"), ROWS, &row).await?;
        assert_eq!(
            refused.text,
            format!(r#"{{"code":"{code}","details":null,"hint":null,"message":"{message}"}}"#),
            "{query}"
        );
        assert_eq!(refused.status.as_u16(), status, "{query}");
    }
    let lacking = json!({"company_id": 1, "yclients_id": 500, "title": "x"});
    for rows in [lacking, json!([])] {
        let refused = put(&host, "services?id=eq.500", ROWS, &rows).await?;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["code"]),
            (400, &json!("PGRST115")),
            "{rows}"
        );
    }
    assert_eq!(host.get("/rest/v1/services?id=eq.500").await?.text, "[]");
    Ok(())
}
