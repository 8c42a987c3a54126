//! Tables that are served because their schema is exposed.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use sqlx::raw_sql;
use turnout_tests::{Site, turnout};

/// A configuration that names one table of two exposed schemas.
fn config(site: &Site) -> Result<()> {
    let text = format!(
        "[api]\nlisten = '127.0.0.1:0'\nkey = '{}'\nadmin_key = '{}'\n[policies]\ndirectory = 'policies'\ncache = 'cache'\n\
         [backends.old]\nurl = '{}'\n[backends.new]\nurl = '{}'\n\
         [schemas]\nexposed = ['public', 'extra']\n[repositories.clients]\nsubject = 'phone'\n",
        Site::KEY,
        Site::ADMIN_KEY,
        site.old.url(),
        site.new.url()
    );
    Ok(std::fs::write(site.config(), text)?)
}

fn check(site: &Site) -> Result<String> {
    let output = turnout().arg("--config").arg(site.config()).arg("check").output()?;
    Ok(String::from_utf8(output.stdout)?)
}

#[tokio::test]
async fn every_table_with_a_key_is_served_without_being_named() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        raw_sql(
            "create schema extra; create table extra.notes (id integer primary key, text text);
             create table extra.clients (id integer primary key); create table keyless (id integer);
             create view shown as select id from clients",
        )
        .execute(side)
        .await?;
    }
    config(&site)?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    let host = site.host().await?;
    let read = host.get("/rest/v1/services?select=id&order=id&limit=1").await?;
    assert_eq!((read.status.as_u16(), read.text.as_str()), (200, r#"[{"id":1}]"#));
    let written = host
        .write(Method::POST, "/rest/v1/notes", &json!({"id": 1, "text": "a"}))
        .await?;
    assert_eq!(written.status, 201, "{}", written.text);
    assert_eq!(host.get("/rest/v1/notes").await?.text, r#"[{"id":1,"text":"a"}]"#);
    // The one that is named has its subject: the test phone is on `new`.
    let named = host.get("/rest/v1/clients?phone=eq.89686484488&select=id").await?;
    assert_eq!((named.status.as_u16(), named.backend()), (200, "new"));
    for path in ["/rest/v1/keyless", "/rest/v1/shown"] {
        assert_eq!(host.get(path).await?.json()["code"], "PGRST205");
    }

    let checked = check(&site)?;
    for line in [
        "warn   extra.clients is not served: public.clients has its name in the URL",
        "warn   public.keyless is not served: it has no primary key",
        "warn   public.shown is not served: a view can only be embedded",
        "ok     schema extra: 1 tables are served",
        "ok     schema public: 7 tables are served",
    ] {
        assert!(checked.lines().any(|found| found == line), "{line}\n{checked}");
    }

    // A table that comes later is served when every host is to serve it.
    for side in [&old, &new] {
        raw_sql("create table late (id integer primary key)")
            .execute(side)
            .await?;
    }
    let line =
        "warn   public.late is not served: it is not on record yet; run `turnout apply` to serve it on every host";
    let checked = check(&site)?;
    assert!(checked.lines().any(|found| found == line), "{checked}");
    host.stop().await?;
    let host = site.host().await?;
    assert_eq!(host.get("/rest/v1/late").await?.status, 404);
    assert_eq!(host.get("/rest/v1/services?limit=1").await?.status, 200);
    host.stop().await?;
    site.turnout(&["apply"])?;
    let host = site.host().await?;
    assert_eq!(host.get("/rest/v1/late").await?.text, "[]");
    Ok(())
}
