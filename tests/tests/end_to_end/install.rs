//! `turnout install` and `turnout uninstall`: what they change, and that uninstalling leaves nothing.

use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::Value;
use sqlx::{PgPool, raw_sql};
use turnout_cluster::{Cluster, Options, dataset};
use turnout_tests::Site;

/// Everything that an installation touches: schemas, functions, tables, triggers and sequences, with their privileges. Numbers that the
/// database assigned are left out.
const CATALOGUE: &str = "
    select json_build_object(
        'schemas', (select json_agg(json_build_array(nspname, nspacl::text) order by nspname)
            from pg_namespace where nspname !~ '^pg_'),
        'functions', (select json_agg(json_build_array(proname, proacl::text, md5(regexp_replace(pg_get_functiondef(p.oid), '[0-9]{4,}', '', 'g'))) order by proname)
            from pg_proc as p join pg_namespace as n on n.oid = pronamespace where nspname in ('turnout', 'public') and prokind = 'f'),
        'tables', (select json_agg(json_build_array(c.oid::regclass::text, relacl::text, relkind) order by c.oid::regclass::text)
            from pg_class as c join pg_namespace as n on n.oid = relnamespace where nspname in ('turnout', 'public')),
        'triggers', (select json_agg(pg_get_triggerdef(oid) order by tgname, tgrelid::regclass::text)
            from pg_trigger where not tgisinternal),
        'sequences', (select json_agg(json_build_array(seqrelid::regclass::text, seqincrement, seqmin, seqmax)
            order by seqrelid::regclass::text) from pg_sequence)
    )::text";

async fn catalogue(database: &PgPool) -> Result<Value> {
    let text: String = sqlx::query_scalar(CATALOGUE).fetch_one(database).await?;
    Ok(serde_json::from_str(&text)?)
}

/// Runs a command that must fail, and returns its error message.
fn failed(site: &Site, arguments: &[&str]) -> Result<String> {
    let (succeeded, out, err) = site.said(arguments)?;
    ensure!(!succeeded, "{arguments:?} succeeded");
    Ok(out + &err)
}

/// The next ids of clients in a database.
async fn next_ids(database: &PgPool) -> Result<Vec<i32>> {
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = sqlx::query_scalar("insert into clients (name) values ('x') returning id");
        ids.push(id.fetch_one(database).await?);
    }
    Ok(ids)
}

#[tokio::test]
async fn an_installation_can_be_repeated_and_a_rehearsal_changes_nothing() -> Result<()> {
    let site = Site::set_up().await?;
    let (_, new) = site.databases().await?;
    let installed = catalogue(&new).await?;
    let said = site.turnout(&["install", "new"])?;
    assert!(said.ends_with("backend new: installed\n"), "{said}");
    assert!(said.contains("table public.clients is captured\n"), "{said}");
    assert_eq!(catalogue(&new).await?, installed, "again");

    let said = site.turnout(&["uninstall", "new", "--dry-run"])?;
    assert!(said.contains("nothing was changed"), "{said}");
    assert_eq!(catalogue(&new).await?, installed, "a rehearsal of the removal");

    site.turnout(&["uninstall", "new"])?;
    let bare = catalogue(&new).await?;
    let said = site.turnout(&["install", "new", "--dry-run"])?;
    assert!(
        said.contains("table public.clients is captured\n") && said.contains("nothing was changed"),
        "{said}"
    );
    assert_eq!(catalogue(&new).await?, bare, "a rehearsal of the installation");
    let said = site.turnout(&["uninstall", "new"])?;
    assert_eq!(
        said, "backend new: Turnout is not installed there\n",
        "also the removal can be repeated"
    );

    site.turnout(&["install", "new"])?;
    assert_eq!(catalogue(&new).await?, installed, "all of it is back");
    Ok(())
}

#[tokio::test]
async fn an_uninstalled_database_is_as_it_was() -> Result<()> {
    let site = Site::set_up().await?;
    let untouched = Cluster::start(Options::default()).await?;
    dataset::load(untouched.url()).await?;
    let untouched = PgPool::connect(untouched.url()).await?;
    let (old, new) = site.databases().await?;
    let (on_old, on_new) = (next_ids(&old).await?, next_ids(&new).await?);
    for ids in [&on_old, &on_new] {
        assert_eq!(ids, &[ids[0], ids[0] + 1, ids[0] + 2]);
    }

    for side in ["old", "new"] {
        let said = site.turnout(&["uninstall", side])?;
        assert!(
            said.ends_with(&format!("backend {side}: nothing of Turnout is left\n")),
            "{said}"
        );
    }
    let bare = catalogue(&untouched).await?;
    assert_eq!(catalogue(&old).await?, bare);
    assert_eq!(catalogue(&new).await?, bare);
    let ids = next_ids(&new).await?;
    assert_eq!(ids, [on_new[2] + 1, on_new[2] + 2, on_new[2] + 3]);
    Ok(())
}

#[tokio::test]
async fn the_printed_sql_runs_in_psql() -> Result<()> {
    let site = Site::set_up().await?;
    let (_, new) = site.databases().await?;
    let installed = catalogue(&new).await?;
    site.turnout(&["uninstall", "new"])?;
    let script = site.folder().join("install.sql");
    std::fs::write(&script, site.turnout(&["install", "new", "--print-sql"])?)?;
    for _ in 0..2 {
        let ran = Command::new("psql")
            .arg(site.new.url())
            .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file"])
            .arg(&script)
            .output()?;
        ensure!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        assert_eq!(catalogue(&new).await?, installed);
    }
    Ok(())
}

#[tokio::test]
async fn a_role_that_only_owns_the_tables_can_install() -> Result<()> {
    let site = Site::set_up().await?;
    site.turnout(&["uninstall", "new"])?;
    let (_, new) = site.databases().await?;
    raw_sql(
        "create role migrator login password 'migrator-password';
        grant create on database postgres to migrator;
        grant usage on schema public to migrator;
        do $$ declare owned record; begin
            for owned in select tablename from pg_tables where schemaname = 'public' loop
                execute format('alter table %I owner to migrator', owned.tablename);
            end loop;
        end $$;
        create sequence staff_numbers;
        alter table staff alter column id set default nextval('staff_numbers');
        grant usage, select on sequence staff_numbers to migrator;
        create function touch() returns trigger language plpgsql as
            $$ begin new.updated_at := now(); return new; end $$;
        create trigger touch_updated_at before update on clients for each row execute function touch();",
    )
    .execute(&new)
    .await?;
    let url = site.new.url();
    let (_, place) = url.split_once('@').unwrap_or_default();
    let owned_url = format!("'postgres://migrator:migrator-password@{place}'");
    site.configure(&[("backends.new.url", &owned_url)])?;

    let said = site.turnout(&["install", "new"])?;
    let warnings: Vec<_> = said.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(
        warnings,
        [
            "warning: on table public.clients these triggers will fire on mirrored writes too, as migrator may not set \
             session_replication_role: touch_updated_at",
            "warning: sequence public.staff_numbers of table public.staff can't be set apart when both sides can insert: it belongs to \
             the role postgres; say `alter sequence public.staff_numbers owner to migrator`",
        ],
        "{said}"
    );
    assert!(said.ends_with("backend new: installed\n"), "{said}");
    let checked = site.turnout(&["check"])?;
    assert!(
        checked.contains("backend new (timeweb) with 7 repositories, Turnout is installed"),
        "{checked}"
    );

    let said = site.turnout(&["uninstall", "new"])?;
    assert!(said.ends_with("backend new: nothing of Turnout is left\n"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_check_names_what_is_not_captured() -> Result<()> {
    let site = Site::set_up().await?;
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let (old, new) = site.databases().await?;
    sqlx::query("drop trigger turnout_captured_update on clients")
        .execute(&old)
        .await?;
    sqlx::query("alter table services disable trigger turnout_captured_truncate")
        .execute(&old)
        .await?;
    for database in [&old, &new] {
        raw_sql("alter table staff alter yclients_id set not null, alter company_id set not null")
            .execute(database)
            .await?;
    }
    site.configure(&[("repositories.staff.key", "['yclients_id', 'company_id']")])?;
    site.turnout(&["uninstall", "new"])?;
    let said = failed(&site, &["check"])?;
    let wrong: Vec<_> = said.lines().filter(|line| line.starts_with("wrong")).collect();
    for (line, words) in [
        (
            "wrong  backend old (supabase): ",
            "clients lacks working triggers of Turnout",
        ),
        (
            "wrong  backend old (supabase): ",
            "services lacks working triggers of Turnout",
        ),
        (
            "wrong  backend old (supabase): ",
            "table public.staff is captured by another key",
        ),
        (
            "wrong  backend new (timeweb): ",
            "Turnout is not installed; run `turnout install new`",
        ),
    ] {
        assert!(
            wrong
                .iter()
                .any(|wrong| wrong.starts_with(line) && wrong.contains(words)),
            "{words}: {said}"
        );
    }
    assert_eq!(wrong.len(), 4, "{said}");

    site.route("[default]\nstage = 'off'\n")?;
    site.configure(&[])?;
    site.turnout(&["install", "old"])?;
    let said = site.turnout(&["check"])?;
    assert!(
        said.contains("backend old (supabase) with 7 repositories, Turnout is installed\n"),
        "{said}"
    );
    assert!(
        said.contains("backend new (timeweb) with 7 repositories, Turnout is not installed\n"),
        "{said}"
    );
    drop(new);
    Ok(())
}

#[tokio::test]
async fn a_new_partition_is_named_until_it_is_installed() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for database in [&old, &new] {
        raw_sql(
            "create table public.visits (id serial, day date not null, primary key (id, day)) partition by range (day);
            create table public.visits_2025 partition of public.visits for values from ('2025-01-01') to ('2026-01-01');",
        )
        .execute(database)
        .await?;
    }
    site.configure(&[("repositories.visits.key", "['id', 'day']")])?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    site.turnout(&["check"])?;
    raw_sql(
        "insert into public.visits (day) values ('2025-06-01');
        insert into public.visits_2025 (day) values ('2025-06-01');
        update public.visits set id = id + 100;
        delete from public.visits_2025;",
    )
    .execute(&old)
    .await?;
    let dirty: Vec<String> = sqlx::query_scalar("select distinct key from turnout.dirty order by key")
        .fetch_all(&old)
        .await?;
    assert_eq!(dirty.len(), 4, "two keys before and two after: {dirty:?}");

    raw_sql(
        "create table public.visits_2026 partition of public.visits for values from ('2026-01-01') to ('2027-01-01')",
    )
    .execute(&old)
    .await?;
    let said = failed(&site, &["check"])?;
    assert!(said.contains("visits_2026 lacks working triggers of Turnout"), "{said}");
    site.turnout(&["install", "old"])?;
    site.turnout(&["check"])?;
    Ok(())
}
