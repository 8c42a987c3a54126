//! The record is in force, whatever a host's files say: the description of the site, and the policy set.

use anyhow::{Context as _, Result};
use serde_json::json;
use turnout_tests::{Host, Site, eventually};

const TEST_PHONE: &str = "/rest/v1/clients?phone=eq.89686484488&select=id,notes";
const OTHERS: &str = "/rest/v1/clients?id=eq.2&select=id";

const EVERYBODY_ON_OLD: &str = "[default]\nstage = 'dualwrite'\n";
const EVERYBODY_ON_NEW: &str = "[default]\nstage = 'live'\n";

/// Waits until an epoch is in force and its handoff is over.
async fn settled(host: &Host, epoch: u64) {
    host.status_with("the epoch is released and compared", |status| {
        status["epoch"] == epoch
            && status["leaving"].as_array().is_some_and(Vec::is_empty)
            && status["converging"].as_array().is_some_and(Vec::is_empty)
    })
    .await;
}

/// The error message of a host that does not start.
async fn refusal(site: &Site) -> Result<String> {
    let error = site.host().await.err().context("the host started")?;
    Ok(error.to_string())
}

#[tokio::test]
async fn a_host_with_another_description_does_not_start() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    for (change, words) in [
        (
            ("repositories.clients.subject", "'name'"),
            "repository clients: the site's subject is phone, this configuration's is name",
        ),
        (
            ("repositories.bookings.key", "['yclients_id']"),
            "repository bookings: the site's key is id, this configuration's is yclients_id",
        ),
        (
            ("repositories.visits.key", "['id']"),
            "repository visits: this configuration serves it, the site does not",
        ),
        (
            ("subjects.region", "'US'"),
            "subjects: the site's region is RU, this configuration's is US",
        ),
    ] {
        site.configure(&[change])?;
        let refusal = refusal(&site).await?;
        assert!(refusal.contains(words), "{words}: {refusal}");
        assert!(refusal.contains("turnout apply"), "{refusal}");
    }
    // Settings that may differ between hosts are not part of the description.
    site.configure(&[("backends.new.label", "'another'"), ("handoff.budget", "'4s'")])?;
    site.host().await?.stop().await?;
    assert_eq!(host.get(TEST_PHONE).await?.status, 200);
    host.stop().await
}

#[tokio::test]
async fn the_first_host_describes_the_site() -> Result<()> {
    let site = Site::set_up().await?;
    site.host().await?.stop().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        sqlx::query("truncate turnout.site").execute(side).await?;
    }
    site.host().await?.stop().await?;
    for side in [&old, &new] {
        let region: String = sqlx::query_scalar("select description -> 'subjects' ->> 'region' from turnout.site")
            .fetch_one(side)
            .await?;
        assert_eq!(region, "RU");
    }
    site.configure(&[("repositories.clients.subject", "'name'")])?;
    assert!(refusal(&site).await?.contains("repository clients"));
    Ok(())
}

#[tokio::test]
async fn an_old_directory_moves_nothing_until_a_file_is_saved() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(EVERYBODY_ON_OLD)?;
    let host = site.host().await?;
    settled(&host, 1).await;
    site.route(EVERYBODY_ON_NEW)?;
    settled(&host, 2).await;
    host.stop().await?;

    site.route(EVERYBODY_ON_OLD)?;
    let host = site.host().await?;
    let status = host
        .status_with("the old directory is shown", |status| status["old_directory"] == 1)
        .await;
    assert_eq!(status["epoch"], 2);
    // Another file beside the policies changes no policy.
    site.put("notes.txt", "from last month")?;
    let text = site_status(&site, &host)?;
    assert!(
        text.contains("the policy directory holds epoch 1's set; it changes nothing"),
        "{text}"
    );
    assert!(
        host.log()
            .contains("the policy directory holds a set that was in force before")
    );
    let answer = host.get(OTHERS).await?;
    assert_eq!((answer.backend(), answer.header("x-turnout-epoch")), ("new", "2"));

    // If the same set is saved while a host runs, it is a change like any other.
    site.route(EVERYBODY_ON_OLD)?;
    settled(&host, 3).await;
    assert_eq!(host.get(OTHERS).await?.backend(), "old");
    let status = host.get("/v1/status").await?.json();
    assert!(status["old_directory"].is_null(), "{status}");
    host.stop().await
}

/// The output of `turnout status` for a host.
fn site_status(site: &Site, host: &Host) -> Result<String> {
    site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;
    site.turnout(&["status"])
}

#[tokio::test]
async fn an_old_directory_is_known_after_its_epoch_went() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(EVERYBODY_ON_OLD)?;
    let host = site.host().await?;
    settled(&host, 1).await;
    site.route(EVERYBODY_ON_NEW)?;
    settled(&host, 2).await;
    host.stop().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        sqlx::query("delete from turnout.epoch where epoch = 1")
            .execute(side)
            .await?;
    }
    site.route(EVERYBODY_ON_OLD)?;
    let host = site.host().await?;
    host.status_with("the old directory is shown", |status| {
        status["old_directory"] == 1 && status["epoch"] == 2
    })
    .await;
    host.stop().await
}

#[tokio::test]
async fn a_new_set_comes_into_force_at_the_start() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(EVERYBODY_ON_OLD)?;
    let host = site.host().await?;
    settled(&host, 1).await;
    host.stop().await?;
    site.route(EVERYBODY_ON_NEW)?;
    let host = site.host().await?;
    settled(&host, 2).await;
    assert_eq!(host.get(OTHERS).await?.backend(), "new");
    host.stop().await
}

#[tokio::test]
async fn a_host_starts_from_the_record_whatever_its_directory_holds() -> Result<()> {
    let site = Site::set_up().await?;
    site.route("[default]\nstage = 'sideways'\n")?;
    let refused = refusal(&site).await?;
    assert!(
        refused.contains("routing.toml:2:"),
        "nothing is on record, so there is nothing to start with: {refused}"
    );
    site.route(EVERYBODY_ON_OLD)?;
    let host = site.host().await?;
    settled(&host, 1).await;
    host.stop().await?;

    for (file, content, words) in [
        ("routing.toml", Some("[default]\nstage = 'sideways'\n"), "sideways"),
        ("routing.wasm", Some("no module"), "routing.wasm"),
        ("dual-write.toml", None, "dual-write.toml"),
    ] {
        let path = site.policies().join(file);
        let good = std::fs::read(&path)?;
        match content {
            Some(content) => site.put(file, content)?,
            None => std::fs::remove_file(&path)?,
        }
        let host = site.host().await?;
        let status = host
            .status_with("the refusal is shown", |status| !status["refused"].is_null())
            .await;
        assert_eq!(status["epoch"], 1);
        assert!(status["refused"].to_string().contains(words), "{status}");
        assert_eq!(host.get(OTHERS).await?.backend(), "old");
        host.stop().await?;
        site.put(file, good)?;
    }
    Ok(())
}

#[tokio::test]
async fn an_applied_description_stops_hosts_of_the_old_one() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(EVERYBODY_ON_OLD)?;
    let host = site.host().await?;
    settled(&host, 1).await;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        sqlx::raw_sql("create table visits (id bigint primary key, phone text, note text)")
            .execute(side)
            .await?;
    }
    sqlx::query("insert into visits values (1, '89686484488', 'only on old')")
        .execute(&old)
        .await?;

    site.configure(&[
        ("repositories.visits.key", "['id']"),
        ("repositories.visits.subject", "'phone'"),
        ("repositories.clients.subject", "'email'"),
    ])?;
    let (installed, _, said) = site.said(&["install", "old"])?;
    assert!(
        !installed && said.contains("clients") && said.contains("turnout apply"),
        "{said}"
    );
    let said = site.turnout(&["apply"])?;
    assert!(
        said.contains("repository clients: the site's subject is phone"),
        "{said}"
    );
    assert!(said.contains("epoch 2 describes the site"), "{said}");
    let status = host
        .status_with("the host of the description before stands aside", |status| {
            !status["aside"].is_null()
        })
        .await;
    assert!(status["aside"].to_string().contains("turnout apply"), "{status}");
    assert_eq!(status["epoch"], 1);
    let refused = host.get(OTHERS).await?;
    assert_eq!(
        (refused.status.as_u16(), refused.header("retry-after")),
        (503, "1"),
        "{}",
        refused.text
    );
    assert!(refused.text.contains("describes another site"), "{}", refused.text);
    let ready = host.send(host.bare(reqwest::Method::GET, "/readyz")).await?;
    assert_eq!(
        (ready.status.as_u16(), &ready.json()["code"]),
        (503, &json!("TURNOUT_UNAVAILABLE"))
    );

    let next = site.host().await?;
    settled(&next, 2).await;
    eventually("the new repository is mirrored", async || {
        let note: Option<String> = sqlx::query_scalar("select note from visits")
            .fetch_optional(&new)
            .await
            .ok()?;
        (note.as_deref() == Some("only on old")).then_some(())
    })
    .await;
    assert!(site.turnout(&["apply"])?.contains("described like this already"));
    next.stop().await?;
    host.stop().await
}

#[tokio::test]
async fn ids_of_an_added_repository_never_collide() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(
        "[[cohort]]\nname = 'test phone'\nsubjects = ['89686484488']\nstage = 'live'\n[default]\nstage = 'dualwrite'\n",
    )?;
    let host = site.host().await?;
    settled(&host, 1).await;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        sqlx::raw_sql("create table visits (id bigserial primary key, phone text)")
            .execute(side)
            .await?;
    }
    site.configure(&[
        ("repositories.visits.key", "['id']"),
        ("repositories.visits.subject", "'phone'"),
    ])?;
    let said = site.turnout(&["apply"])?;
    assert!(said.contains("epoch 2 describes the site"), "{said}");
    // No host of the new description runs yet. A host would set the sequences apart as soon as it looks.
    let mut ids = Vec::new();
    for side in [&old, &new] {
        for _ in 0..5 {
            let id = sqlx::query_scalar::<_, i64>("insert into visits default values returning id");
            ids.push(id.fetch_one(side).await?);
        }
    }
    let parity: Vec<i64> = ids.iter().map(|id| id % 2).collect();
    assert_eq!(parity, [1, 1, 1, 1, 1, 0, 0, 0, 0, 0], "{ids:?}");
    host.stop().await
}

#[tokio::test]
async fn a_description_is_not_applied_while_moving_rows_differ() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    site.turnout(&["check"])?;
    let (old, _) = site.databases().await?;
    // By its phone this client's authority is `old`, and nothing mirrors the row.
    sqlx::query("update clients set notes = 'on old alone' where id = 2")
        .execute(&old)
        .await?;
    site.configure(&[("repositories.clients.subject", "'email'")])?;
    let (applied, _, said) = site.said(&["apply"])?;
    assert!(!applied && said.contains("1 rows of clients differ"), "{said}");

    // The hosts of the former description serve again, under the epoch of the abandonment.
    eventually("the host serves again", async || {
        let answer = host.get(OTHERS).await.ok()?;
        (answer.status == 200 && answer.header("x-turnout-epoch") == "3").then_some(())
    })
    .await;
    let written = host
        .write(
            reqwest::Method::PATCH,
            TEST_PHONE,
            &serde_json::json!({"notes": "after"}),
        )
        .await?;
    assert_eq!(
        (written.status.as_u16(), written.backend()),
        (200, "new"),
        "{}",
        written.text
    );
    eventually("it is mirrored as before", async || {
        let notes: Option<String> = sqlx::query_scalar("select notes from clients where id = 1")
            .fetch_one(&old)
            .await
            .ok()?;
        (notes.as_deref() == Some("after")).then_some(())
    })
    .await;
    host.stop().await
}
