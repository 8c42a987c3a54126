//! Subjects that are no phone numbers.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool, raw_sql};
use turnout_tests::{Host, Site, eventually};

/// A site with one more repository, `members`, on both sides. Its subjects are in column `owner`, of this type, and of this kind.
async fn site_of(kind: &str, column_type: &str, owners: &[&str]) -> Result<Site> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    let rows = owners
        .iter()
        .zip(1..)
        .map(|(owner, id)| format!("({id}, '{owner}', 'before')"));
    let rows = rows.collect::<Vec<_>>().join(", ");
    let script = format!(
        "create table members (id integer primary key, owner {column_type}, name text not null); insert into members values {rows}"
    );
    for database in [&old, &new] {
        raw_sql(AssertSqlSafe(script.as_str())).execute(database).await?;
    }
    describe(&site, kind)?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    Ok(site)
}

/// Configures the repository `members`, and this kind of subjects.
fn describe(site: &Site, kind: &str) -> Result<()> {
    site.configure(&[
        ("subjects.kind", &format!("'{kind}'")),
        ("repositories.members.key", "['id']"),
        ("repositories.members.subject", "'owner'"),
    ])
}

/// Starts a host that mirrors everything to `new`, and waits until both sides are compared.
async fn dual_writing(site: &Site) -> Result<Host> {
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let host = site.host().await?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    Ok(host)
}

/// Moves the subject to `new` that this list names.
async fn move_to_new(site: &Site, host: &Host, subject: &str) -> Result<()> {
    let cohort = format!("[[cohort]]\nname = 'first'\nsubjects = ['{subject}']\nstage = 'live'\n");
    site.route(&format!("[default]\nstage = 'dualwrite'\n{cohort}"))?;
    host.status_with("the subject has moved", |status| {
        status["epoch"] == 2 && status["leaving"] == json!([])
    })
    .await;
    Ok(())
}

async fn name(database: &PgPool, id: i32) -> Result<String> {
    let name = sqlx::query_scalar("select name from members where id = $1");
    Ok(name.bind(id).fetch_one(database).await?)
}

/// Writes and reads the rows of one subject by a filter, and tells which side does both.
async fn side_of(host: &Host, owner: &str, name: &str) -> Result<String> {
    let path = format!("/rest/v1/members?owner=eq.{owner}&select=id,name");
    let written = host.write(Method::PATCH, &path, &json!({ "name": name })).await?;
    assert_eq!(written.status, 200, "{}", written.text);
    let read = host.get(&path).await?;
    assert_eq!(read.json()[0]["name"], name, "{}", read.text);
    assert_eq!(read.backend(), written.backend());
    Ok(read.backend().to_owned())
}

async fn arrives(database: &PgPool, id: i32, expected: &str) {
    eventually("the write is mirrored", async || {
        (name(database, id).await.ok()? == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_uuid_in_a_cohort_moves_to_new_and_others_stay() -> Result<()> {
    let (first, second) = (
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "b1ffcd00-0d1c-4ef8-bb6d-6bb9bd380a22",
    );
    let site = site_of("uuid", "uuid", &[first, second]).await?;
    let (old, new) = site.databases().await?;
    let host = dual_writing(&site).await?;
    assert_eq!(side_of(&host, first, "by the first").await?, "old");
    arrives(&new, 1, "by the first").await;
    move_to_new(&site, &host, "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}").await?;

    for spelling in [first, &first.to_uppercase()] {
        assert_eq!(side_of(&host, spelling, spelling).await?, "new");
        assert_eq!(name(&new, 1).await?, spelling);
        arrives(&old, 1, spelling).await;
    }
    assert_eq!(side_of(&host, second, "by the second").await?, "old");
    assert_eq!(name(&old, 2).await?, "by the second");
    let rows = json!([{"id": 3, "owner": first.to_uppercase(), "name": "new"}]);
    let inserted = host.write(Method::POST, "/rest/v1/members", &rows).await?;
    assert_eq!(
        (inserted.status.as_u16(), inserted.backend()),
        (201, "new"),
        "{}",
        inserted.text
    );

    let refused = host
        .send(
            host.request(Method::GET, "/rest/v1/members?id=eq.1")
                .header("x-turnout-subject", "89686484488"),
        )
        .await?;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("this is not a UUID"), "{}", refused.text);
    assert!(!host.log().contains("9c0b"), "{}", host.log());
    host.stop().await
}

#[tokio::test]
async fn an_email_address_in_a_cohort_moves_to_new_and_others_stay() -> Result<()> {
    let site = site_of("email", "text", &["Anna@Example.com", "boris@example.com"]).await?;
    let (old, new) = site.databases().await?;
    let host = dual_writing(&site).await?;
    move_to_new(&site, &host, " anna@EXAMPLE.com").await?;
    assert_eq!(side_of(&host, "Anna@Example.com", "by Anna").await?, "new");
    assert_eq!(name(&new, 1).await?, "by Anna");
    arrives(&old, 1, "by Anna").await;
    assert_eq!(side_of(&host, "boris@example.com", "by Boris").await?, "old");
    arrives(&new, 2, "by Boris").await;
    let by_header = host
        .request(Method::GET, "/rest/v1/members?id=eq.1&select=name")
        .header("x-turnout-subject", "ANNA@example.com");
    let read = host.send(by_header).await?;
    assert_eq!((read.backend(), read.json()), ("new", json!([{"name": "by Anna"}])));
    let log = host.log().to_lowercase();
    assert!(!log.contains("anna@") && !log.contains("boris@"), "{log}");
    host.stop().await
}

#[tokio::test]
async fn a_check_counts_what_is_no_subject_and_what_is_spelled_in_several_ways() -> Result<()> {
    let uuids = [
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "b1ffcd00-0d1c-4ef8-bb6d-6bb9bd380a22",
    ];
    let site = site_of("phone", "text", &uuids).await?;
    site.route("[default]\nstage = 'off'\n")?;
    let said = site.turnout(&["check"])?;
    for side in ["old (supabase)", "new (timeweb)"] {
        let warned = format!(
            "warn   backend {side}: repository members: subject column owner: 2 of 2 sampled values (100.0 %) are not a phone number"
        );
        assert!(said.contains(&warned), "{said}");
    }
    assert!(!uuids.iter().any(|uuid| said.contains(uuid)), "{said}");

    describe(&site, "uuid")?;
    let (old, _) = site.databases().await?;
    let respelled = "insert into members values (3, upper('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'), 'again')";
    raw_sql(respelled).execute(&old).await?;
    let said = site.turnout(&["check"])?;
    assert!(
        said.contains(
            "backend old (supabase): repository members: subject column owner: 1 subject with 2 spellings in 3 sampled"
        ),
        "{said}"
    );
    // Of the demo's own repositories.
    assert!(
        said.contains("are not a UUID") && !said.contains("subject column owner: 2 of"),
        "{said}"
    );

    site.configure(&[
        ("subjects.kind", "'text'"),
        ("repositories.members.key", "['id']"),
        ("repositories.members.subject", "'id'"),
    ])?;
    let (passed, said, _) = site.said(&["check"])?;
    let wrong =
        "wrong  backend old (supabase): subject column id of table public.members of backend old has the type integer";
    assert!(!passed && said.contains(wrong), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_site_gets_another_kind_of_subjects_by_apply_alone() -> Result<()> {
    let uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    let site = site_of("phone", "uuid", &[uuid]).await?;
    dual_writing(&site).await?.stop().await?;
    describe(&site, "uuid")?;
    let started = site.host().await.err().map(|error| error.to_string());
    assert!(
        started
            .as_deref()
            .is_some_and(|said| said.contains("the site's kind is phone, this configuration's is uuid")),
        "{started:?}"
    );
    site.turnout(&["apply"])?;
    let host = site.host().await?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    assert_eq!(side_of(&host, uuid, "by nobody else").await?, "old");
    host.stop().await
}
