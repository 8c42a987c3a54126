//! Requests run under the roles of their tokens, so that row-level security binds them on both sides.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{PgPool, raw_sql};
use turnout_tests::{Answer, Host, Site, eventually};

const SECRET: &str = "a secret for tests of thirty-two characters or more";

/// `{"role": "member", "client_id": 10}`, signed with the secret.
const MEMBER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb2xlIjoibWVtYmVyIiwiY2xpZW50X2lkIjoxMH0.QZh1gENpj2mFbIhjDC9hcgsDvn6fnmLoLmrqimC5psQ";
/// `{"role": "member", "exp": 1}`, signed with the secret.
const EXPIRED: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb2xlIjoibWVtYmVyIiwiZXhwIjoxfQ.H12e_tpJkxupzca0LriG3LW2xhagn8dcACk8SqMjhxE";
/// `{"role": "nobody_known"}`, signed with the secret.
const STRANGER: &str =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb2xlIjoibm9ib2R5X2tub3duIn0.uMPxiFI2tcKvPMx7d7ZPjKnRCP8UnksOxGNbtSXgFWo";

/// What the application has set up on both sides: a role that sees one client, whom its token names.
const ROLES: &str = "
    create role anon; create role member;
    grant usage on schema public to anon, member;
    grant select, insert, update, delete on clients to member;
    grant usage on all sequences in schema public to member;
    alter table clients enable row level security;
    create policy own on clients for all to member
        using (id = (current_setting('request.jwt.claims')::json ->> 'client_id')::integer);
    create function admit() returns void language plpgsql as $$
    begin
        if current_setting('request.headers')::json ->> 'x-blocked' is not null then
            raise sqlstate 'PT403' using message = 'blocked ' || current_setting('request.method') || ' '
                || current_setting('request.path') || ' of ' || current_user;
        end if;
        perform set_config('response.headers', '[{\"x-admitted\": \"' || current_user || '\"}]', true);
    end $$;";

async fn asked(host: &Host, method: Method, path: &str, token: Option<&str>, rows: Option<Value>) -> Result<Answer> {
    let request = host.bare(method, path).header("prefer", "return=representation");
    let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
    host.send(rows.into_iter().fold(request, |request, rows| request.json(&rows)))
        .await
}

/// A site whose clients are bound by row-level security, and a host that takes tokens.
async fn set_up(stage: &str) -> Result<(Site, Host, PgPool, PgPool)> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        raw_sql(ROLES).execute(side).await?;
    }
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    site.configure(&[
        ("jwt.secret", &format!("'{SECRET}'")),
        ("jwt.anon_role", "'anon'"),
        ("jwt.pre_request", "'public.admit'"),
        ("api.plan", "true"),
    ])?;
    site.route(&format!(
        "[default]\nstage = 'dualwrite'\n[repositories.clients]\nstage = '{stage}'\n"
    ))?;
    let host = site.host().await?;
    host.status_with("both sides are compared", |status| {
        status["converging"] == json!([]) && status["leaving"] == json!([])
    })
    .await;
    Ok((site, host, old, new))
}

async fn a_member_sees_and_changes_its_own_row(stage: &str, authority: &str) -> Result<()> {
    let (_site, host, old, new) = set_up(stage).await?;
    let everybody = host.get("/rest/v1/clients?select=id").await?;
    assert_eq!(everybody.json().as_array().map(Vec::len), Some(1299));
    let own = asked(&host, Method::GET, "/rest/v1/clients?select=id", Some(MEMBER), None).await?;
    assert_eq!(
        (own.status.as_u16(), own.text.as_str(), own.backend()),
        (200, r#"[{"id":10}]"#, authority)
    );
    assert_eq!(own.header("x-admitted"), "member");

    let changed = asked(
        &host,
        Method::PATCH,
        "/rest/v1/clients?id=in.(10,11)&select=id,notes",
        Some(MEMBER),
        Some(json!({ "notes": "own" })),
    )
    .await?;
    assert_eq!(
        (changed.status.as_u16(), changed.text.as_str(), changed.backend()),
        (200, r#"[{"id":10,"notes":"own"}]"#, authority)
    );
    let refused = asked(
        &host,
        Method::POST,
        "/rest/v1/clients",
        Some(MEMBER),
        Some(json!({ "name": "another" })),
    )
    .await?;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (403, &json!("42501")),
        "{}",
        refused.text
    );
    eventually("the change is mirrored", async || {
        let notes = "select json_agg(notes order by id)::text from clients where id in (10, 11)";
        let old: String = sqlx::query_scalar(notes).fetch_one(&old).await.ok()?;
        let new: String = sqlx::query_scalar(notes).fetch_one(&new).await.ok()?;
        (old == new && old.starts_with(r#"["own","#)).then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_member_is_bound_on_old() -> Result<()> {
    a_member_sees_and_changes_its_own_row("dualwrite", "old").await
}

#[tokio::test]
async fn a_member_is_bound_on_new() -> Result<()> {
    a_member_sees_and_changes_its_own_row("live", "new").await
}

#[tokio::test]
async fn what_a_token_does_not_allow_is_refused_as_postgrest_refuses_it() -> Result<()> {
    let (_site, host, _old, _new) = set_up("dualwrite").await?;
    let path = "/rest/v1/clients?select=id";
    let nobody = asked(&host, Method::GET, path, None, None).await?;
    assert_eq!(
        (nobody.status.as_u16(), nobody.header("www-authenticate"), nobody.json()),
        (
            401,
            "Bearer",
            json!({ "code": "42501", "details": null, "hint": null, "message": "permission denied for table clients" })
        )
    );
    let expired = asked(&host, Method::GET, path, Some(EXPIRED), None).await?;
    assert_eq!(
        (
            expired.status.as_u16(),
            expired.header("www-authenticate"),
            expired.json()
        ),
        (
            401,
            r#"Bearer error="invalid_token", error_description="JWT expired""#,
            json!({ "code": "PGRST303", "details": null, "hint": null, "message": "JWT expired" })
        )
    );
    let forged = asked(
        &host,
        Method::GET,
        path,
        Some(&format!("{}x", &MEMBER[..MEMBER.len() - 1])),
        None,
    )
    .await?;
    assert_eq!(
        (forged.status.as_u16(), &forged.json()["code"]),
        (401, &json!("PGRST301"))
    );
    let stranger = asked(&host, Method::GET, path, Some(STRANGER), None).await?;
    assert_eq!(
        stranger.json()["message"],
        json!("role \"nobody_known\" does not exist"),
        "{}",
        stranger.text
    );
    let blocked = host
        .bare(Method::GET, path)
        .bearer_auth(MEMBER)
        .header("x-blocked", "yes");
    let blocked = host.send(blocked).await?;
    assert_eq!(
        (blocked.status.as_u16(), &blocked.json()["message"]),
        (403, &json!("blocked GET /clients of member")),
        "{}",
        blocked.text
    );
    for path in ["/v1/status", "/v1/transactions", "/metrics"] {
        let refused = asked(&host, Method::GET, path, Some(MEMBER), None).await?;
        assert!(
            [401, 405].contains(&refused.status.as_u16()),
            "{path}: {}",
            refused.text
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_planned_count_is_that_of_the_rows_a_role_may_see() -> Result<()> {
    let (_site, host, old, _) = set_up("dualwrite").await?;
    raw_sql("analyze clients").execute(&old).await?;
    let path = "/rest/v1/clients?select=id&limit=1";
    let planned = host.bare(Method::GET, path).header("prefer", "count=planned");
    let own = host.send(planned.bearer_auth(MEMBER)).await?;
    assert_eq!(
        (own.status.as_u16(), own.header("content-range")),
        (200, "0-0/1"),
        "{}",
        own.text
    );
    Ok(())
}

#[tokio::test]
async fn a_plan_is_that_of_the_role() -> Result<()> {
    let (_site, host, _, _) = set_up("dualwrite").await?;
    for (accept, sign) in [
        ("application/vnd.pgrst.plan", "Aggregate  (cost="),
        ("application/vnd.pgrst.plan+json", "\"Plan\": {"),
    ] {
        let request = host.bare(Method::GET, "/rest/v1/clients?select=id");
        let plan = host.send(request.bearer_auth(MEMBER).header("accept", accept)).await?;
        assert_eq!(plan.status, 200, "{}", plan.text);
        assert!(
            plan.text.contains(sign) && plan.text.contains("client_id"),
            "{}",
            plan.text
        );
    }
    Ok(())
}

#[tokio::test]
async fn settings_of_a_role_hold_for_its_requests() -> Result<()> {
    let (_site, host, old, new) = set_up("dualwrite").await?;
    for side in [&old, &new] {
        raw_sql(
            "create function slow() returns text language sql stable as
                'select pg_sleep(0.7)::text || current_setting(''timezone'')';
             alter role member set statement_timeout = '200ms';
             alter role member set timezone = 'Asia/Tokyo';
             notify pgrst, 'reload schema'",
        )
        .execute(side)
        .await?;
    }
    eventually("the role's statements are cut short", async || {
        let cut = asked(&host, Method::GET, "/rest/v1/rpc/slow", Some(MEMBER), None)
            .await
            .ok()?;
        let refused = (cut.status.as_u16(), cut.json()["code"].clone());
        (refused == (504, json!("57014"))).then_some(())
    })
    .await;
    let own = "/rest/v1/clients?id=eq.10&select=created_at";
    let read = asked(&host, Method::GET, own, Some(MEMBER), None).await?;
    assert!(read.text.contains("+09:00"), "{}", read.text);
    let written = asked(
        &host,
        Method::PATCH,
        own,
        Some(MEMBER),
        Some(json!({ "notes": "in time" })),
    )
    .await?;
    assert_eq!(written.status, 200, "{}", written.text);
    let everybody = host.get("/rest/v1/rpc/slow").await?;
    assert_eq!(everybody.status, 200, "the host's own key is bound by none of it");
    Ok(())
}
