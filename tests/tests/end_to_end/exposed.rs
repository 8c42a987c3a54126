//! Tables that are served because their schema is exposed.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use sqlx::raw_sql;
use turnout_tests::{Site, eventually, turnout};

/// A configuration that exposes these schemas and names one table.
fn config(site: &Site, exposed: &[&str]) -> Result<()> {
    let text = format!(
        "[api]\nlisten = '127.0.0.1:0'\nkey = '{}'\nadmin_key = '{}'\n[policies]\ndirectory = 'policies'\ncache = 'cache'\n\
         [backends.old]\nurl = '{}'\n[backends.new]\nurl = '{}'\n\
         [schemas]\nexposed = {exposed:?}\n[repositories.clients]\nsubject = 'phone'\n",
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
             create view shown as select id from clients; create view unserved as select id from keyless",
        )
        .execute(side)
        .await?;
    }
    config(&site, &["public", "extra"])?;
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
    let shown = host.get("/rest/v1/shown?select=id&limit=1").await?;
    assert_eq!(shown.status, 200, "{}", shown.text);
    for path in ["/rest/v1/keyless", "/rest/v1/unserved"] {
        assert_eq!(host.get(path).await?.json()["code"], "PGRST205");
    }

    let checked = check(&site)?;
    for line in [
        "warn   public.keyless is not served: it has no primary key",
        "warn   public.unserved is not served: it is made of no table that is served",
        "ok     schema extra: 2 tables are served",
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

#[tokio::test]
async fn a_profile_names_any_exposed_schema() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        raw_sql(
            "create schema extra; create table extra.notes (id integer primary key);
             create schema empty; create function empty.one() returns integer language sql stable as 'select 1'",
        )
        .execute(side)
        .await?;
    }
    config(&site, &["public", "extra", "empty"])?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    let host = site.host().await?;
    let ask = async |method: Method, path: &str, profile: &str| {
        let header = if method == Method::GET {
            "accept-profile"
        } else {
            "content-profile"
        };
        let request = host
            .request(method, path)
            .header(header, profile)
            .json(&json!({"id": 1}));
        host.send(request).await
    };
    let found = ask(Method::GET, "/rest/v1/notes", "extra").await?;
    assert_eq!((found.status.as_u16(), found.header("content-profile")), (200, "extra"));
    assert_eq!(ask(Method::POST, "/rest/v1/notes", "extra").await?.status, 201);
    let called = ask(Method::POST, "/rest/v1/rpc/one", "empty").await?;
    assert_ne!(called.json()["code"], "PGRST106", "{}", called.text);

    for method in [Method::GET, Method::POST] {
        let elsewhere = ask(method.clone(), "/rest/v1/notes", "public").await?;
        let expected = "Could not find the table 'public.notes' in the schema cache";
        assert_eq!(
            (elsewhere.status.as_u16(), &elsewhere.json()["message"]),
            (404, &json!(expected))
        );
        let unknown = ask(method, "/rest/v1/notes", "secret").await?;
        let hint = "Only the following schemas are exposed: public, extra, empty";
        assert_eq!((unknown.status.as_u16(), &unknown.json()["hint"]), (406, &json!(hint)));
    }
    Ok(())
}

#[tokio::test]
async fn two_tables_of_one_name_are_two_repositories() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        raw_sql("create schema extra; create table extra.clients (id integer primary key, name text)")
            .execute(side)
            .await?;
    }
    config(&site, &["public", "extra"])?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    site.route("[default]\nstage = 'dualwrite'\n[repositories.'extra.clients']\nstage = 'live'\n")?;
    let host = site.host().await?;
    host.status_with("both sides are compared", |status| {
        status["converging"] == json!([]) && status["leaving"] == json!([])
    })
    .await;
    let add = host
        .request(Method::POST, "/rest/v1/clients")
        .header("content-profile", "extra");
    let add = add
        .header("prefer", "return=headers-only")
        .json(&json!({"id": 7, "name": "seven"}));
    let added = host.send(add).await?;
    assert_eq!(
        (added.status.as_u16(), added.backend(), added.header("location")),
        (201, "new", "/clients?id=eq.7"),
        "{}",
        added.text
    );
    let read = host.request(Method::GET, "/rest/v1/clients?select=name&id=eq.7");
    let extra = host.send(read.header("accept-profile", "extra")).await?;
    assert_eq!((extra.text.as_str(), extra.backend()), (r#"[{"name":"seven"}]"#, "new"));
    let first = host.get("/rest/v1/clients?select=name&id=eq.7").await?;
    assert_eq!(
        first.backend(),
        "old",
        "without a profile it is the table of the first schema"
    );
    assert_ne!(first.text, extra.text);
    eventually("the row is mirrored to its own table", async || {
        let rows = sqlx::query_scalar::<_, i64>("select count(*) from extra.clients where id = 7");
        (rows.fetch_one(&old).await.ok()? == 1).then_some(())
    })
    .await;
    let metrics = host.get("/metrics").await?.text;
    assert!(metrics.contains("repository=\"extra.clients\""));
    site.turnout(&["verify"])?;
    Ok(())
}

#[tokio::test]
async fn a_repository_has_a_table_of_another_name() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        raw_sql("create schema personal; create table personal.staff (id integer primary key)")
            .execute(side)
            .await?;
    }
    site.configure(&[(
        "repositories.people",
        "{ key = ['id'], schema = 'personal', table = 'staff' }",
    )])?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    let host = site.host().await?;
    let read = host.request(Method::GET, "/rest/v1/staff");
    let personal = host.send(read.header("accept-profile", "personal")).await?;
    assert_eq!((personal.status.as_u16(), personal.text.as_str()), (200, "[]"));
    assert_eq!(host.get("/rest/v1/people").await?.json()["code"], "PGRST205");
    let operations = json!({"operations": [{"repository": "people", "action": "insert", "rows": [{"id": 1}]}]});
    let request = host.request(Method::POST, "/v1/transactions").json(&operations);
    assert_eq!(host.send(request).await?.status, 200);
    drop(host);

    site.configure(&[
        ("repositories.people", "{ key = ['id'], table = 'staff' }"),
        ("repositories.staff", "{ key = ['id'] }"),
    ])?;
    let (_, _, said) = site.said(&["check"])?;
    assert!(
        said.contains("this is also the table of [repositories.people]; name it once"),
        "{said}"
    );
    Ok(())
}

#[tokio::test]
async fn rows_of_another_exposed_schema_are_embedded() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        raw_sql(
            "create schema extra;
             create table extra.letters (id integer primary key, staff_id bigint references public.staff (id));
             insert into extra.letters values (1, 3), (2, 3);
             create schema hidden; create table hidden.files (id integer primary key, staff_id bigint references public.staff (id))",
        )
        .execute(side)
        .await?;
    }
    config(&site, &["public", "extra"])?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    let host = site.host().await?;
    let many = host.get("/rest/v1/staff?select=id,letters(id)&id=eq.3").await?;
    assert_eq!(
        many.json(),
        json!([{"id": 3, "letters": [{"id": 1}, {"id": 2}]}]),
        "{}",
        many.text
    );
    let one = host.request(Method::GET, "/rest/v1/letters?select=id,staff(id)&id=eq.2");
    let one = host.send(one.header("accept-profile", "extra")).await?;
    assert_eq!(one.json(), json!([{"id": 2, "staff": {"id": 3}}]));
    let hidden = host.get("/rest/v1/staff?select=id,files(id)").await?;
    assert_eq!(
        (hidden.status.as_u16(), &hidden.json()["code"]),
        (400, &json!("PGRST200"))
    );
    Ok(())
}

#[tokio::test]
async fn foreign_and_partitioned_tables_are_read() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        raw_sql(
            "create extension file_fdw; create server files foreign data wrapper file_fdw;
             create foreign table numbers (n integer) server files options (program 'seq 3');
             create table days (day integer primary key) partition by range (day);
             create table days_1 partition of days for values from (0) to (10);
             create table days_2 partition of days for values from (10) to (20)",
        )
        .execute(side)
        .await?;
    }
    config(&site, &["public"])?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let host = site.host().await?;
    let foreign = host.get("/rest/v1/numbers?select=n&n=gt.1&order=n.desc").await?;
    assert_eq!(
        (foreign.status.as_u16(), foreign.json(), foreign.backend()),
        (200, json!([{"n": 3}, {"n": 2}]), "old")
    );
    let written = host.write(Method::POST, "/rest/v1/numbers", &json!({"n": 4})).await?;
    assert_eq!(
        (written.status.as_u16(), &written.json()["code"]),
        (405, &json!("TURNOUT_METHOD"))
    );
    let rows = json!([{"day": 3}, {"day": 12}]);
    assert_eq!(host.write(Method::POST, "/rest/v1/days", &rows).await?.status, 201);
    assert_eq!(host.get("/rest/v1/days?order=day").await?.json(), rows);
    assert_eq!(
        host.get("/rest/v1/days_1").await?.status,
        404,
        "a partition is no table of its own"
    );

    site.route("[default]\nstage = 'dualwrite'\n[repositories.days]\nstage = 'live'\n")?;
    eventually("a foreign table has no authority any more", async || {
        let refused = host.get("/rest/v1/numbers").await.ok()?;
        (refused.status == 409 && refused.json()["code"] == "TURNOUT_AUTHORITY").then_some(())
    })
    .await;
    Ok(())
}
