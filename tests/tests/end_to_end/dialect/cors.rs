//! Requests of pages in browsers, and `OPTIONS`.

use anyhow::Result;
use reqwest::Method;
use sqlx::raw_sql;
use turnout_tests::{Answer, Host, Site};

const EXPOSED: &str = "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, \
    Transfer-Encoding, Range-Unit";

/// What a browser asks before it sends a request of a page; it has no key.
async fn preflight(host: &Host, path: &str, origin: &str) -> Result<Answer> {
    let request = host.bare(Method::OPTIONS, path).header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    host.send(request.header("access-control-request-headers", "apikey,Prefer"))
        .await
}

/// A read by a page of a site.
async fn read(host: &Host, origin: &str) -> Result<Answer> {
    super::with(
        host,
        Method::GET,
        "/rest/v1/staff?id=eq.1&select=id",
        ("origin", origin),
    )
    .await
}

#[tokio::test]
async fn a_browser_may_send_what_it_asks_for() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    for path in ["/rest/v1/staff", "/rest/v1/rpc/nothing", "/rest/v1/"] {
        let answer = preflight(&host, path, "http://example.com").await?;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""), "{path}");
        for (name, value) in [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-credentials", ""),
            (
                "access-control-allow-methods",
                "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD",
            ),
            (
                "access-control-allow-headers",
                "Authorization, apikey, Prefer, Accept, Accept-Language, Content-Language",
            ),
            ("access-control-max-age", "86400"),
        ] {
            assert_eq!(answer.header(name), value, "{path} {name}");
        }
    }
    let answer = read(&host, "http://example.com").await?;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, r#"[{"id":1}]"#));
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-expose-headers"), EXPOSED);

    let keyless = host
        .bare(Method::GET, "/rest/v1/staff")
        .header("origin", "http://example.com");
    let refused = host.send(keyless).await?;
    assert_eq!(
        (refused.status.as_u16(), refused.header("access-control-allow-origin")),
        (401, "*"),
        "a page can read why it was refused"
    );
    let same_site = host.get("/rest/v1/staff?id=eq.1").await?;
    assert_eq!(same_site.header("access-control-allow-origin"), "");
    Ok(())
}

#[tokio::test]
async fn only_pages_of_configured_sites_may_read() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("api.cors_origins", "['https://salon.example', 'https://two.example']")])?;
    let host = site.host().await?;
    for origin in ["https://salon.example", "https://two.example"] {
        for answer in [
            preflight(&host, "/rest/v1/staff", origin).await?,
            read(&host, origin).await?,
        ] {
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("access-control-allow-origin"), origin);
            assert_eq!(answer.header("access-control-allow-credentials"), "true");
        }
    }
    let other = read(&host, "https://other.example").await?;
    assert_eq!(
        (other.status.as_u16(), other.header("access-control-allow-origin")),
        (200, "")
    );
    let asked = preflight(&host, "/rest/v1/staff", "https://other.example").await?;
    assert_eq!(asked.status, 401, "it is a request like any other");
    Ok(())
}

#[tokio::test]
async fn options_name_the_methods_of_a_table_a_view_and_a_function() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    let made = "create view active_staff as select id, name from staff where is_active;
        create function told() returns integer language sql stable as 'select 1';
        create function done() returns void language sql as 'select null';";
    for side in [&old, &new] {
        raw_sql(made).execute(side).await?;
    }
    let host = site.host().await?;
    for (path, allow) in [
        ("staff", "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"),
        ("active_staff", "OPTIONS,GET,HEAD"),
        ("rpc/told", "OPTIONS,GET,HEAD,POST"),
        ("rpc/done", "OPTIONS,POST"),
        ("", "OPTIONS,GET,HEAD"),
    ] {
        let answer = host
            .send(host.request(Method::OPTIONS, &format!("/rest/v1/{path}")))
            .await?;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""), "{path}");
        assert_eq!(answer.header("allow"), allow, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
    }
    for (path, code) in [("nowhere", "PGRST205"), ("rpc/nothing", "PGRST202")] {
        let refused = host
            .send(host.request(Method::OPTIONS, &format!("/rest/v1/{path}")))
            .await?;
        assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (404, &code.into()));
    }
    Ok(())
}
