//! What triggers say of the answer to a write: `response.headers` and `response.status`.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use sqlx::raw_sql;
use turnout_tests::{Answer, Host, Site};

/// A trigger that does as the title of a service says.
const TRIGGER: &str = r#"
    create function speak() returns trigger language plpgsql as $$
    begin
        if new.title = 'accepted' then
            perform set_config('response.status', '202', true);
            perform set_config('response.headers',
                '[{"X-Seen-By": "a trigger"}, {"Location": "/elsewhere"}, {"Cache-Control": "no-store"}]', true);
        elsif new.title = 'bad headers' then
            perform set_config('response.headers', '{"X-Seen-By": 1}', true);
        elsif new.title = 'bad status' then
            perform set_config('response.status', 'fine', true);
        end if;
        return new;
    end $$;
    create trigger speak before insert or update on services for each row execute function speak();"#;

async fn write(host: &Host, method: Method, path: &str, title: &str) -> Result<Answer> {
    let path = format!("/rest/v1/{path}");
    host.write(method, &path, &json!({ "title": title })).await
}

#[tokio::test]
async fn a_trigger_sets_headers_and_status_of_a_write() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, _) = site.databases().await?;
    raw_sql(TRIGGER).execute(&old).await?;
    let host = site.host().await?;
    let path = "services?id=eq.1&select=title";
    let answer = write(&host, Method::PATCH, path, "accepted").await?;
    assert_eq!(
        (answer.status.as_u16(), answer.text.as_str()),
        (202, r#"[{"title":"accepted"}]"#)
    );
    for (name, value) in [
        ("x-seen-by", "a trigger"),
        ("location", "/elsewhere"),
        ("cache-control", "no-store"),
        ("preference-applied", "return=representation"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let next = write(&host, Method::PATCH, path, "plain").await?;
    assert_eq!(
        (next.status.as_u16(), next.header("x-seen-by")),
        (200, ""),
        "it was said of one answer alone"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_no_header_and_no_status_is_an_error() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, _) = site.databases().await?;
    raw_sql(TRIGGER).execute(&old).await?;
    let host = site.host().await?;
    for (title, code, message) in [
        (
            "bad headers",
            "PGRST111",
            "response.headers guc must be a JSON array composed of objects with a single key and a string value",
        ),
        (
            "bad status",
            "PGRST112",
            "response.status guc must be a valid status code",
        ),
    ] {
        let refused = write(&host, Method::PATCH, "services?id=eq.1", title).await?;
        assert_eq!(
            (refused.status.as_u16(), refused.text),
            (
                500,
                format!(r#"{{"code":"{code}","details":null,"hint":null,"message":"{message}"}}"#)
            )
        );
    }
    Ok(())
}
