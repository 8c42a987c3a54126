//! The tables of both sides are compared by `turnout check` and before authority moves.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context as _, Result};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool, raw_sql};
use turnout_tests::Site;

const DUALWRITE: &str = "[default]\nstage = 'dualwrite'\n";
const LIVE: &str = "[default]\nstage = 'live'\n";

async fn sql(side: &PgPool, text: &str) -> Result<()> {
    raw_sql(AssertSqlSafe(text))
        .execute(side)
        .await
        .with_context(|| text.to_owned())?;
    Ok(())
}

#[tokio::test]
async fn what_the_gaining_side_lacks_is_named() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(DUALWRITE)?;
    let host = site.host().await?;
    host.status_with("both sides are compared", |status| {
        status["converging"].as_array().is_some_and(Vec::is_empty)
    })
    .await;
    let (old, new) = site.databases().await?;
    let alterations = [
        (
            "",
            "alter table clients drop constraint clients_phone_key",
            "alter table clients add constraint clients_phone_key unique (phone)",
            "table public.clients: unique (phone) is on old only",
        ),
        (
            "",
            "alter table clients alter tags drop default",
            "alter table clients alter tags set default '{}'",
            "table public.clients: column tags has the default '{}'::text[] on old and no default on new",
        ),
        (
            "",
            "alter table clients alter total_spent type numeric(14,2)",
            "alter table clients alter total_spent type numeric(12,2)",
            "table public.clients: column total_spent has the type numeric(12,2) on old and numeric(14,2) on new",
        ),
        (
            "alter table clients add column extra text",
            "",
            "alter table clients add column extra text",
            "table public.clients: column extra (text) is missing on new",
        ),
        (
            "",
            "alter table clients add check (visit_count < 100000)",
            "alter table clients drop constraint clients_visit_count_check",
            "CHECK ((visit_count < 100000)) is on new only",
        ),
    ];
    for (place, (on_old, on_new, back, words)) in alterations.into_iter().enumerate() {
        sql(&old, on_old).await?;
        sql(&new, on_new).await?;
        let (passed, said, _) = site.said(&["check"])?;
        assert!(
            !passed && said.contains("wrong") && said.contains(words),
            "{words}: {said}"
        );
        site.route(&format!("{LIVE}# {place}\n"))?;
        let status = host
            .status_with(words, |status| status["refused"].to_string().contains(words))
            .await;
        assert_eq!(status["epoch"], 1);
        sql(&new, back).await?;
    }
    let said = site.turnout(&["check"])?;
    assert!(!said.contains("wrong") && !said.contains("warn"), "{said}");
    // The alteration gave the table another file, so both sides are compared first.
    host.status_with("both sides are compared and equal", |status| {
        let is_equal = |side: &str| {
            let mirror = &status["mirror"][side];
            let repositories = mirror["repositories"].as_array();
            mirror["gaps"] == json!([]) && repositories.is_some_and(|all| all.iter().all(|one| one["dirty"] == 0))
        };
        status["converging"] == json!([]) && is_equal("old") && is_equal("new")
    })
    .await;
    site.route(LIVE)?;
    host.status_with("authority moves once the tables fit", |status| {
        status["epoch"] == 2 && status["leaving"].as_array().is_some_and(Vec::is_empty)
    })
    .await;

    // A constraint that only the losing side lacks holds up nothing, so the way back stays open.
    sql(&new, "alter table clients drop constraint clients_phone_key").await?;
    site.route(DUALWRITE)?;
    host.status_with("authority moves back", |status| status["epoch"] == 3)
        .await;
    host.stop().await
}

#[tokio::test]
async fn what_may_only_surprise_is_a_warning() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, _) = site.databases().await?;
    sql(
        &old,
        "create index on clients (name);
        create function touch() returns trigger language plpgsql as 'begin return new; end';
        create trigger touch before update on clients for each row execute function touch();",
    )
    .await?;
    let said = site.turnout(&["check"])?;
    for words in [
        "warn   table public.clients: index btree (name) is on old only",
        "warn   table public.clients: trigger touch is on old only",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    Ok(())
}

#[tokio::test]
async fn a_type_outside_the_search_path_is_named() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        sql(
            side,
            "create schema extensions; create extension citext schema extensions;
            alter table clients alter email type extensions.citext",
        )
        .await?;
    }
    sql(
        &old,
        "do $$ begin execute format('alter database %I set search_path = public, extensions', current_database()); end $$",
    )
    .await?;
    let (passed, said, _) = site.said(&["check"])?;
    assert!(!passed, "{said}");
    assert!(
        said.contains(
            "column email: its type citext is in the schema extensions on new, which is not in the search_path"
        ),
        "{said}"
    );
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_not_unique_is_refused() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        sql(
            side,
            "create table nullable (a int unique);
            create table partial (a int not null); create unique index on partial (a) where a > 0;
            create table deferred (a int not null unique deferrable);
            create table expression (a int not null); create unique index on expression ((a + 1));",
        )
        .await?;
    }
    for (table, words) in [
        ("nullable", "belongs to the repository's key and is nullable"),
        ("partial", "no primary key or unique constraint on exactly (a)"),
        ("deferred", "no primary key or unique constraint on exactly (a)"),
        ("expression", "no primary key or unique constraint on exactly (a)"),
    ] {
        site.configure(&[(&format!("repositories.{table}.key"), "['a']")])?;
        let (passed, said, _) = site.said(&["check"])?;
        assert!(!passed && said.contains(words), "{table}: {said}");
        let started = site.host().await.err().context("the host started")?.to_string();
        assert!(started.contains(words), "{table}: {started}");
    }
    Ok(())
}

#[tokio::test]
async fn a_configuration_that_others_can_read_is_warned_of() -> Result<()> {
    let site = Site::set_up().await?;
    fs::set_permissions(site.config(), Permissions::from_mode(0o644))?;
    let said = site.turnout(&["check"])?;
    assert!(said.contains("can be read by others (mode 0644)"), "{said}");
    Ok(())
}
