//! Changes that capture does not see: authority never moves to a side that lacks them.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{PgPool, raw_sql};
use turnout_tests::{Host, Site, eventually, turnout};

const DUAL_WRITE: &str = "[default]\nstage = 'dualwrite'\n";
const LIVE: &str = "[default]\nstage = 'live'\n";

/// A site that also serves notes, to which no other table refers. Both sides have the same fifty notes, under the routing settings
/// `routing`.
async fn with_notes(routing: &str) -> Result<(Site, Host, PgPool, PgPool)> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for database in [&old, &new] {
        raw_sql(
            "create table public.notes (id integer primary key, phone text, body text);
            insert into public.notes select n, '+7999000' || lpad(n::text, 4, '0'), 'as it was' from generate_series(1, 50) as n",
        )
        .execute(database)
        .await?;
    }
    site.configure(&[
        ("repositories.notes.key", "['id']"),
        ("repositories.notes.subject", "'phone'"),
    ])?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    site.route(DUAL_WRITE)?;
    let host = site.host().await?;
    compared(&host).await;
    if routing != DUAL_WRITE {
        site.route(routing)?;
        in_force(&host, 2).await;
        compared(&host).await;
    }
    Ok((site, host, old, new))
}

async fn compared(host: &Host) {
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
}

async fn in_force(host: &Host, epoch: u64) {
    host.status_with("the change is in force", |status| {
        status["epoch"] == epoch && status["leaving"] == json!([])
    })
    .await;
}

/// The notes of a side, as one text.
async fn notes(database: &PgPool) -> Option<String> {
    let query = "select coalesce(string_agg(concat_ws(' ', id, phone, body), ', ' order by id), '-') from public.notes";
    sqlx::query_scalar(query).fetch_one(database).await.ok()
}

/// Saves the routing settings `to` and waits until they are in force. Both sides then have the notes of the side that had authority before.
async fn handed_over(site: &Site, host: &Host, to: &str, from: (&PgPool, &PgPool)) -> Result<()> {
    let (authority, other) = from;
    let right = notes(authority).await;
    let before = host.status_with("the host answers", |_| true).await;
    let epoch = before["epoch"].as_u64().unwrap_or_default();
    site.route(to)?;
    let status = host
        .status_with("the change is in force or refused", |status| {
            status["leaving"] == json!([])
                && (status["epoch"].as_u64() > Some(epoch)
                    || status["refused"] != Value::Null && status["refused"] != before["refused"])
        })
        .await;
    assert!(status["epoch"].as_u64() > Some(epoch), "{}", status["refused"]);
    eventually("both sides have what the authority had", async || {
        (notes(other).await == right && notes(authority).await == right).then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn what_was_truncated_is_not_back_after_the_handoff() -> Result<()> {
    let (site, host, old, new) = with_notes(DUAL_WRITE).await?;
    raw_sql("truncate public.notes; insert into public.notes values (7, '+79990000007', 'written since')")
        .execute(&old)
        .await?;
    handed_over(&site, &host, LIVE, (&old, &new)).await?;
    raw_sql("truncate public.notes").execute(&new).await?;
    handed_over(&site, &host, DUAL_WRITE, (&new, &old)).await
}

#[tokio::test]
async fn writes_without_triggers_are_mirrored_before_authority_moves() -> Result<()> {
    let (site, host, old, new) = with_notes(DUAL_WRITE).await?;
    let script = "alter table public.notes disable trigger all;
        update public.notes set body = 'restored' where id <= 20;
        alter table public.notes enable trigger all";
    raw_sql(script).execute(&old).await?;
    handed_over(&site, &host, LIVE, (&old, &new)).await?;
    raw_sql("set session_replication_role = replica; update public.notes set body = 'by a CDC tool' where id > 40")
        .execute(&new)
        .await?;
    handed_over(&site, &host, DUAL_WRITE, (&new, &old)).await?;
    let checked = site.turnout(&["check"])?;
    assert!(!checked.contains("wrong"), "the triggers fire always again: {checked}");
    Ok(())
}

#[tokio::test]
async fn authority_stays_until_a_swapped_table_is_compared() -> Result<()> {
    let (site, host, old, new) = with_notes(DUAL_WRITE).await?;
    let swap = "begin; alter table public.notes rename to notes_before;
        create table public.notes (like public.notes_before including all);
        insert into public.notes values (1, '+79990000001', 'swapped in'); commit";
    raw_sql(swap).execute(&old).await?;
    site.route(LIVE)?;
    let status = host
        .status_with("the change is refused", |status| status["refused"] != Value::Null)
        .await;
    let reason = status["refused"].to_string();
    assert!(
        reason.contains("triggers of Turnout on notes are missing or switched off on old: run `turnout install old`"),
        "{reason}"
    );
    assert_eq!(status["epoch"], 1);
    host.status_with("status names it", |status| {
        status["converging"] == json!(["notes"]) && status["mirror"]["old"]["gaps"][0]["repository"] == "notes"
    })
    .await;
    site.turnout(&["install", "old"])?;
    compared(&host).await;
    handed_over(&site, &host, &format!("{LIVE}\n"), (&old, &new)).await
}

#[tokio::test]
async fn a_copied_installation_is_noticed_and_made_new() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    raw_sql("update clients set notes = 'dirty on old'")
        .execute(&old)
        .await?;
    raw_sql("drop schema turnout cascade; drop schema public cascade; create schema public")
        .execute(&new)
        .await?;
    let program = |name: &str| site.old.programs().join(name).display().to_string();
    let copied = Command::new("sh")
        .args(["-c", "\"$0\" \"$1\" | \"$2\" --quiet --no-psqlrc \"$3\""])
        .args([&program("pg_dump"), site.old.url(), &program("psql"), site.new.url()])
        .output()?;
    assert!(copied.status.success(), "{copied:?}");
    let dirty = async || {
        sqlx::query_scalar("select count(*) from turnout.dirty")
            .fetch_one(&new)
            .await
    };
    let before: i64 = dirty().await?;
    assert!(before > 0);

    site.route(DUAL_WRITE)?;
    let (well, said, _) = site.said(&["check"])?;
    assert!(
        !well && said.contains("it has the installation of old, as a copy of old has"),
        "{said}"
    );
    let said = site.turnout(&["install", "new"])?;
    assert!(
        said.contains("backend new has a copy of the installation of old"),
        "{said}"
    );
    let after: i64 = dirty().await?;
    assert_eq!(after, 0);
    site.turnout(&["check"])?;

    // An installation that is no copy is not thrown away.
    site.configure(&[
        ("backends.old.url", &format!("'{}'", site.new.url())),
        ("backends.new.url", &format!("'{}'", site.old.url())),
    ])?;
    let (well, said, err) = site.said(&["install", "new"])?;
    assert!(!well && err.contains("nothing shows that it is a copy"), "{said}{err}");
    Ok(())
}

#[tokio::test]
async fn an_installation_blocks_no_writer_and_names_the_open_one() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, _) = site.databases().await?;
    let mut writer = old.acquire().await?;
    raw_sql("set application_name = 'nightly import'; begin; update clients set notes = 'open' where id = 1")
        .execute(&mut *writer)
        .await?;
    for command in ["install", "uninstall"] {
        let config = site.config();
        let running =
            tokio::task::spawn_blocking(move || turnout().arg("--config").arg(config).args([command, "old"]).output());
        let mut longest = Duration::ZERO;
        while !running.is_finished() {
            let began = Instant::now();
            raw_sql("update clients set notes = 'passes' where id = 2")
                .execute(&old)
                .await?;
            longest = longest.max(began.elapsed());
        }
        let output = running.await??;
        let err = String::from_utf8(output.stderr)?;
        assert!(
            !output.status.success() && err.contains("application nightly import, user "),
            "{command}: {err}"
        );
        assert!(err.contains("last statement "), "{command}: {err}");
        assert!(
            longest < Duration::from_secs(3),
            "{command}: a writer waited {longest:?}"
        );
    }
    raw_sql("commit").execute(&mut *writer).await?;
    site.turnout(&["install", "old"])?;
    Ok(())
}

#[tokio::test]
async fn a_strict_guard_admits_writes_of_the_applications_triggers() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, _) = site.databases().await?;
    raw_sql(
        "create function touch_service() returns trigger language plpgsql as
            $$ begin update services set title = title where id = (select min(id) from services); return new; end $$;
        create trigger touch_row before insert or update on clients for each row execute function touch_service();
        create trigger touch_statement before update on clients for each statement execute function touch_service();",
    )
    .execute(&old)
    .await?;
    site.configure(&[("backends.old.guard", "'strict'")])?;
    site.turnout(&["install", "old"])?;
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let host = site.host().await?;
    for filter in ["id=eq.2", "id=eq.-1"] {
        let written = host
            .write(
                Method::PATCH,
                &format!("/rest/v1/clients?{filter}"),
                &json!({"notes": "let in"}),
            )
            .await?;
        assert!(
            written.status.is_success(),
            "{filter}: {} {}",
            written.status,
            written.text
        );
    }
    let refused = raw_sql("update clients set notes = 'behind'").execute(&old).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("only writes through Turnout")));
    Ok(())
}

#[tokio::test]
async fn a_renamed_subject_column_stops_its_repository_only() -> Result<()> {
    let (site, host, old, new) = with_notes(DUAL_WRITE).await?;
    site.configure(&[
        ("repositories.notes.key", "['id']"),
        ("repositories.notes.subject", "'phone'"),
        ("api.listen", &format!("'{}'", host.address())),
    ])?;
    raw_sql("alter table public.notes rename phone to telephone")
        .execute(&old)
        .await?;
    raw_sql("update public.notes set body = 'meanwhile' where id <= 20; insert into public.notes values (51)")
        .execute(&old)
        .await?;
    let reason = "notes has no column phone on old";
    host.status_with("the status says so", |status| {
        let gaps = &status["mirror"]["old"]["gaps"];
        gaps[0]["repository"] == "notes" && gaps[0]["reason"].to_string().contains(reason)
    })
    .await;
    let status = site.turnout(&["status"])?;
    assert!(status.contains(&format!("to be compared: {reason}")), "{status}");
    let (passed, said, _) = site.said(&["check"])?;
    assert!(!passed && said.contains("has no column phone"), "{said}");
    let written = host
        .write(Method::PATCH, "/rest/v1/services?id=eq.1", &json!({"minutes": 61}))
        .await?;
    assert_eq!(written.status, 200, "{}", written.text);
    eventually("other repositories are mirrored", async || {
        let minutes = sqlx::query_scalar::<_, i32>("select minutes from services where id = 1");
        (minutes.fetch_one(&new).await.ok()? == 61).then_some(())
    })
    .await;

    raw_sql("alter table public.notes rename telephone to phone")
        .execute(&old)
        .await?;
    compared(&host).await;
    eventually("what was written meanwhile is mirrored", async || {
        (notes(&new).await == notes(&old).await).then_some(())
    })
    .await;
    Ok(())
}
