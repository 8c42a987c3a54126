//! `turnout failover`: the side with authority dies, and comes back.

use anyhow::Result;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, PgPool};
use turnout_tests::{Answer, Host, Site, eventually};

/// A client that is written again after the failover, and another that is not.
const CLIENT: &str = "/rest/v1/clients?id=eq.2&select=id,notes";
const OTHER: &str = "/rest/v1/clients?id=eq.3&select=id,notes";

/// The state of the mirror for the clients that are changed on `old`.
fn clients(status: &Value) -> &Value {
    let repositories = status["mirror"]["old"]["repositories"].as_array();
    let found = repositories.and_then(|all| all.iter().find(|one| one["repository"] == "clients"));
    found.unwrap_or(&Value::Null)
}

async fn note(host: &Host, notes: &str) -> Result<Answer> {
    host.write(Method::PATCH, CLIENT, &json!({ "notes": notes })).await
}

/// The notes of a client in a database.
async fn notes_at(url: &str, id: i32) -> Option<String> {
    let mut connection = PgConnection::connect(url).await.ok()?;
    sqlx::query_scalar("select notes from clients where id = $1")
        .bind(id)
        .fetch_one(&mut connection)
        .await
        .ok()?
}

/// Whether the status shows the changes that `old` had not mirrored when it died: at least that of the client that nobody wrote again.
fn shows_leftovers(status: &Value) -> bool {
    clients(status)["diverged"].as_u64().is_some_and(|keys| keys > 0) && clients(status)["dirty"] == 0
}

/// Kills `old` after it has committed changes of both clients that `new` has not received.
async fn die_with_a_leftover(site: &mut Site, host: &Host, new: &PgPool) -> Result<()> {
    let mut blocking = new.begin().await?;
    sqlx::query("lock table clients in exclusive mode")
        .execute(&mut *blocking)
        .await?;
    for client in [CLIENT, OTHER] {
        let written = host
            .write(Method::PATCH, client, &json!({"notes": "left behind"}))
            .await?;
        assert_eq!((written.status.as_u16(), written.backend()), (200, "old"));
    }
    host.status_with("the changes wait to be mirrored", |status| {
        clients(status)["dirty"] == 2
    })
    .await;
    site.old.kill().await?;
    // An apply that the mirror has begun on `new` must not succeed after all.
    eventually("nothing of the mirror waits on new", async || {
        let waiting: i64 = sqlx::query_scalar(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity \
             where application_name = 'turnout' and wait_event_type = 'Lock'",
        )
        .fetch_one(new)
        .await
        .ok()?;
        (waiting == 0).then_some(())
    })
    .await;
    blocking.rollback().await?;
    Ok(())
}

/// Moves all authority to `new` once the host knows that `old` is dead.
async fn force(host: &Host) -> Answer {
    let failover = host
        .bare(Method::POST, "/v1/failover")
        .header("apikey", Site::ADMIN_KEY)
        .json(&json!({"to": "new", "accept_loss": true}));
    eventually("the dead side is known to be dead", async || {
        let answer = host.send(failover.try_clone()?).await.ok()?;
        (answer.status == 200).then_some(answer)
    })
    .await
}

#[tokio::test]
async fn a_forced_failover_shows_what_was_not_mirrored() -> Result<()> {
    let mut site = Site::set_up().await?;
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let host = site.host().await?;
    site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;
    host.status_with("both sides are compared", |status| {
        status["converging"] == json!([]) && !clients(status).is_null()
    })
    .await;
    let (_, new) = site.databases().await?;

    let (well, out, err) = site.said(&["failover", "--to", "new", "--accept-loss"])?;
    assert!(!well && out.is_empty(), "{out}");
    assert!(
        err.contains("backend old is alive") && err.contains("routing settings"),
        "{err}"
    );

    die_with_a_leftover(&mut site, &host, &new).await?;
    assert_eq!(note(&host, "too early").await?.status, 503);

    let (well, out, err) = site.said(&["failover", "--to", "new"])?;
    assert!(!well, "{out}");
    assert!(
        out.contains("backend new would become the authority of everything\n"),
        "{out}"
    );
    let at_stake = |out: &str, line: &str| out.lines().any(|found| found.split_whitespace().eq(line.split(' ')));
    assert!(
        at_stake(&out, "clients 2 keys") && at_stake(&out, "services 0 keys"),
        "{out}"
    );
    assert!(
        err.contains("nothing was done") && err.contains("--accept-loss"),
        "{err}"
    );
    assert_eq!(note(&host, "too early").await?.status, 503, "nothing was done");

    let (well, out, err) = site.said(&["failover", "--to", "new", "--accept-loss"])?;
    assert!(well, "{out}{err}");
    let epoch = host.get("/v1/status").await?.json()["epoch"].clone();
    assert!(
        out.contains(&format!(
            "backend new is the authority of everything since epoch {epoch}\n"
        )),
        "{out}"
    );
    assert!(at_stake(&out, "clients 2 keys"), "{out}");
    let written = note(&host, "newer").await?;
    assert_eq!(
        (written.status.as_u16(), written.backend()),
        (200, "new"),
        "{}",
        written.text
    );
    let (_, text, _) = site.said(&["status"])?;
    assert!(
        text.contains("a failover made new the authority of everything"),
        "{text}"
    );

    site.old.restart().await?;
    let status = host
        .status_with("what was left behind is shown as diverged", shows_leftovers)
        .await;
    assert_eq!((&status["epoch"], &status["forced"]), (&epoch, &json!("new")));
    eventually("old follows new", async || {
        (notes_at(site.old.url(), 2).await? == "newer").then_some(())
    })
    .await;
    assert_eq!(notes_at(site.new.url(), 2).await.as_deref(), Some("newer"));
    assert_eq!(notes_at(site.new.url(), 3).await, None, "it is not applied");
    assert_eq!(
        notes_at(site.old.url(), 3).await.as_deref(),
        Some("left behind"),
        "and it is there for people to look at"
    );
    let read = host.get(CLIENT).await?;
    assert_eq!(
        (read.backend(), read.json()),
        ("new", json!([{"id": 2, "notes": "newer"}])),
        "what was read on old is read on new now"
    );

    let mut old = PgConnection::connect(site.old.url()).await?;
    let fence: i64 = sqlx::query_scalar("select turnout.lowest_epoch()")
        .fetch_one(&mut old)
        .await?;
    assert_eq!(json!(fence), epoch, "the dead side is fenced");
    let mut yesterday = old.begin().await?;
    sqlx::query("set local turnout.epoch = '1'")
        .execute(&mut *yesterday)
        .await?;
    let refused = sqlx::query("update clients set notes = 'old world' where id = 2")
        .execute(&mut *yesterday)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("epoch 1 is over"), "{refused}");
    yesterday.rollback().await?;
    Ok(())
}

#[tokio::test]
async fn a_new_host_follows_a_failover_until_the_routing_changes() -> Result<()> {
    let mut site = Site::set_up().await?;
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let first = site.host().await?;
    first
        .status_with("both sides are compared", |status| {
            status["converging"] == json!([]) && !clients(status).is_null()
        })
        .await;
    let (_, new) = site.databases().await?;
    die_with_a_leftover(&mut site, &first, &new).await?;
    let answer = force(&first).await;
    let epoch = answer.json()["epoch"].clone();
    assert_eq!(note(&first, "newer").await?.backend(), "new");
    first.stop().await?;

    let second = site.host().await?;
    let status = second.get("/v1/status").await?.json();
    assert_eq!((&status["epoch"], &status["forced"]), (&epoch, &json!("new")));
    let written = note(&second, "newest").await?;
    assert_eq!((written.status.as_u16(), written.backend()), (200, "new"));

    site.old.restart().await?;
    second
        .status_with("what was left behind is shown as diverged", shows_leftovers)
        .await;
    site.route("[default]\nstage = 'live'\n")?;
    second
        .status_with("the failover is over and both sides are compared", |status| {
            status["forced"] == Value::Null && status["epoch"] != epoch && status["converging"] == json!([])
        })
        .await;
    assert_eq!(note(&second, "and on").await?.backend(), "new");
    eventually("old is equal", async || {
        let notes = notes_at(site.old.url(), 2).await?;
        (notes == "and on" && notes_at(site.old.url(), 3).await.is_none()).then_some(())
    })
    .await;
    second
        .status_with("nothing is shown as diverged", |status| {
            clients(status)["diverged"] == 0
        })
        .await;

    site.route("[default]\nstage = 'dualwrite'\n")?;
    eventually("old has authority again", async || {
        let written = note(&second, "home").await.ok()?;
        (written.status == 200 && written.backend() == "old").then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_host_that_slept_through_a_failover_applies_nothing_old() -> Result<()> {
    let mut site = Site::set_up().await?;
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let sleeper = site.host().await?;
    sleeper
        .status_with("it mirrors the changes of old", |status| {
            status["converging"] == json!([]) && status["mirror"]["old"]["at_work"] == true
        })
        .await;
    let awake = site.host().await?;
    awake
        .status_with("the other host knows how the mirror stands", |status| {
            status["converging"] == json!([]) && !clients(status).is_null()
        })
        .await;
    let (_, new) = site.databases().await?;
    die_with_a_leftover(&mut site, &awake, &new).await?;
    let pid = Pid::from_raw(i32::try_from(sleeper.pid())?);
    kill(pid, Signal::SIGSTOP)?;

    force(&awake).await;
    assert_eq!(note(&awake, "newer").await?.backend(), "new");
    site.old.restart().await?;
    kill(pid, Signal::SIGCONT)?;
    for host in [&awake, &sleeper] {
        host.status_with("what was left behind is shown as diverged", |status| {
            shows_leftovers(status) && status["forced"] == "new"
        })
        .await;
    }
    assert_eq!(notes_at(site.new.url(), 2).await.as_deref(), Some("newer"));
    assert_eq!(notes_at(site.new.url(), 3).await, None);
    assert_eq!(note(&sleeper, "awake").await?.backend(), "new");
    eventually("old follows new", async || {
        (notes_at(site.old.url(), 2).await? == "awake").then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn only_the_administrator_may_force_a_failover() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let body = json!({"to": "new", "accept_loss": true});
    let refused = host
        .send(host.request(Method::POST, "/v1/failover").json(&body))
        .await?;
    assert_eq!(
        (refused.status.as_u16(), refused.json()["code"].as_str()),
        (403, Some("TURNOUT_ADMIN"))
    );
    let keyless = host.send(host.bare(Method::POST, "/v1/failover").json(&body)).await?;
    assert_eq!(keyless.status, 401);
    let admin = host
        .bare(Method::POST, "/v1/failover")
        .header("apikey", Site::ADMIN_KEY);
    let nonsense = host.send(admin.json(&json!({"to": "newer"}))).await?;
    assert_eq!(
        (nonsense.status.as_u16(), nonsense.json()["code"].as_str()),
        (400, Some("TURNOUT_REQUEST"))
    );
    Ok(())
}
