//! `turnout verify` finds what differs and nothing else, while the application writes.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool, raw_sql};
use turnout_tests::{Host, Site, eventually, turnout};

/// A site with mirrored rows, and a host whose comparison is over.
async fn mirrored() -> Result<(Site, Host, PgPool, PgPool)> {
    let site = Site::set_up().await?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let host = site.host().await?;
    site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    let (old, new) = site.databases().await?;
    eventually("nothing is pending", async || {
        let pending = "select count(*) from turnout.dirty";
        let pending: i64 = sqlx::query_scalar(pending).fetch_one(&old).await.ok()?;
        (pending == 0).then_some(())
    })
    .await;
    Ok((site, host, old, new))
}

/// Runs `turnout verify --json`; its exit status and what it prints.
fn verify(site: &Site, more: &[&str]) -> Result<(Option<i32>, Value)> {
    let mut command: Command = turnout();
    command
        .arg("--config")
        .arg(site.config())
        .args(["verify", "--json"])
        .args(more);
    let output = command.output()?;
    let printed = serde_json::from_slice(&output.stdout);
    let printed = printed.with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok((output.status.code(), printed))
}

/// How much was compared, as the metrics have it.
fn counted(metrics: &str, repository: &str, source: &str, result: &str) -> u64 {
    let name =
        format!("turnout_comparisons_total{{repository=\"{repository}\",source=\"{source}\",result=\"{result}\"}} ");
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(&name)?.parse::<u64>().ok());
    line.unwrap_or_default()
}

fn of<'v>(printed: &'v Value, repository: &str) -> &'v Value {
    let all = printed["repositories"].as_array();
    let found = all.and_then(|all| all.iter().find(|proof| proof["repository"] == repository));
    found.unwrap_or(&Value::Null)
}

#[tokio::test]
async fn equal_sides_are_proved_and_the_proof_is_kept() -> Result<()> {
    let (site, _host, _old, new) = mirrored().await?;
    let (status, printed) = verify(&site, &[])?;
    assert_eq!((status, &printed["verdict"]), (Some(0), &json!("equal")), "{printed}");
    let clients = of(&printed, "clients");
    assert_eq!(clients["rows"], json!({ "old": 1299, "new": 1299 }));
    let digest = clients["sha256"]["old"].as_str().unwrap_or_default();
    assert_eq!((digest.len(), &clients["sha256"]["new"]), (64, &json!(digest)));

    let (status, again) = verify(&site, &["--repository", "clients", "--max-load", "50"])?;
    assert_eq!(
        (status, of(&again, "clients")["sha256"]["old"].as_str()),
        (Some(0), Some(digest))
    );
    assert_eq!(again["repositories"].as_array().map(Vec::len), Some(1));

    let kept = "select json_agg(json_build_array(result::json -> 0 -> 'repository', before = coalesce(earlier, '')) order by number)::text
        from (select *, lag(digest) over (order by number) as earlier from turnout.evidence) as evidence where kind = 'verify'";
    let kept: String = sqlx::query_scalar(kept).fetch_one(&new).await?;
    assert_eq!(
        serde_json::from_str::<Value>(&kept)?,
        json!([["bookings", true], ["clients", true]])
    );
    Ok(())
}

#[tokio::test]
async fn planted_differences_are_named_and_nothing_else() -> Result<()> {
    let (site, _host, _old, new) = mirrored().await?;
    raw_sql(
        "delete from clients where id in (select id from clients where id not in (select client_id from bookings where client_id is not null) order by id limit 1);
         update clients set updated_at = updated_at + interval '1 microsecond' where id = (select max(id) from clients);
         update services set price = price + 0.01 where id = 3;
         insert into staff (id, name) values (77777, 'nobody');",
    )
    .execute(&new)
    .await?;
    eventually("the host has seen the direct changes", async || {
        let pending: i64 = sqlx::query_scalar("select count(*) from turnout.dirty")
            .fetch_one(&new)
            .await
            .ok()?;
        (pending == 0).then_some(())
    })
    .await;
    let (status, printed) = verify(&site, &[])?;
    assert_eq!((status, &printed["verdict"]), (Some(1), &json!("different")));
    let different = |repository| of(&printed, repository)["different"].clone();
    assert_eq!(
        ["clients", "services", "staff", "bookings"].map(different),
        [json!(2), json!(1), json!(1), json!(0)],
        "{printed}"
    );
    assert_eq!(of(&printed, "staff")["rows"], json!({ "old": 8, "new": 9 }));
    let listed = site.turnout(&["divergence", "list"])?;
    let shown = site.turnout(&["divergence", "explain", "services", "3"])?;
    assert!(shown.contains("≠ price\n"), "{shown}");
    assert!(shown.contains("  title\n") && shown.contains("diverged: "), "{shown}");
    for expected in [
        "services  {\"id\":3}  price",
        "staff  {\"id\":77777}  only new has the row",
        "updated_at",
    ] {
        assert!(listed.contains(expected), "{expected}: {listed}");
    }
    Ok(())
}

#[tokio::test]
async fn rows_that_no_stage_mirrors_are_counted_apart() -> Result<()> {
    let (site, host, old, new) = mirrored().await?;
    let phone: String = sqlx::query_scalar("select phone from clients where phone is not null order by id limit 1")
        .fetch_one(&old)
        .await?;
    site.route(&format!(
        "[[cohort]]\nname = 'phone'\nsubjects = ['{phone}']\nstage = 'dualwrite'\n[default]\nstage = 'off'\n\
         [repositories.services]\nstage = 'dualwrite'\n[repositories.staff]\nstage = 'dualwrite'\n\
         [repositories.companies]\nstage = 'dualwrite'\n"
    ))?;
    host.status_with("one phone alone is mirrored", |status| status["epoch"] == 2)
        .await;
    let update = |phone: &str| format!("update clients set visit_count = visit_count + 1 where phone {phone}");
    raw_sql(AssertSqlSafe(update(&format!("<> '{phone}' and id % 2 = 0"))))
        .execute(&old)
        .await?;
    let changed: i64 = sqlx::query_scalar("select count(*) from clients where phone <> $1 and id % 2 = 0")
        .bind(&phone)
        .fetch_one(&old)
        .await?;
    let (status, printed) = verify(&site, &["--repository", "clients"])?;
    let clients = of(&printed, "clients");
    assert_eq!(
        (status, &clients["different"], &clients["not_mirrored"]),
        (Some(1), &json!(0), &json!(changed)),
        "{printed}"
    );
    assert_eq!(clients["rows"], json!({ "old": 1299, "new": 1299 }));
    assert_eq!(site.turnout(&["divergence", "list"])?, "no row is known to differ\n");

    raw_sql(AssertSqlSafe(update(&format!("= '{phone}'"))))
        .execute(&new)
        .await?;
    let (_, printed) = verify(&site, &["--repository", "clients"])?;
    let clients = of(&printed, "clients");
    assert_eq!(
        [&clients["different"], &clients["not_mirrored"]],
        [&json!(1), &json!(changed)],
        "{printed}"
    );
    Ok(())
}

#[tokio::test]
async fn rows_on_their_way_are_no_difference() -> Result<()> {
    let (site, host, _old, _new) = mirrored().await?;
    site.route("[default]\nstage = 'shadow'\n")?;
    host.status_with("the stage is in force", |status| {
        status["epoch"].as_u64() > Some(1) && status["leaving"] == json!([]) && status["converging"] == json!([])
    })
    .await;
    let (host, written) = (Arc::new(host), Arc::new(AtomicU64::new(0)));
    let is_over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4_u64)
        .map(|writer| {
            let (host, written, is_over) = (Arc::clone(&host), Arc::clone(&written), Arc::clone(&is_over));
            tokio::spawn(async move {
                while !is_over.load(Relaxed) {
                    let count = written.fetch_add(1, Relaxed);
                    // Two writers meet at each of a few hot keys; values come back.
                    let path = format!("/rest/v1/clients?id=eq.{}", 10 + (count + writer) % 6);
                    let change = json!({ "visit_count": count % 3 });
                    let answer = host.write(Method::PATCH, &path, &change).await?;
                    ensure!(answer.status.is_success(), "{}", answer.text);
                    if count % 8 == 0 {
                        host.get(&path).await?;
                    }
                }
                anyhow::Ok(())
            })
        })
        .collect();
    let began = Instant::now();
    let site = Arc::new(site);
    while began.elapsed() < Duration::from_secs(10) {
        let site = Arc::clone(&site);
        let (status, printed) =
            tokio::task::spawn_blocking(move || verify(&site, &["--repository", "clients"])).await??;
        let clients = of(&printed, "clients");
        ensure!(clients["different"] == 0 && status != Some(1), "{printed}");
    }
    is_over.store(true, Relaxed);
    for writer in writers {
        writer.await??;
    }
    assert!(written.load(Relaxed) > 100, "{written:?} writes");
    let metrics = host.send(host.request(Method::GET, "/metrics")).await?.text;
    let of_reads = |result: &str| counted(&metrics, "clients", "read", result);
    assert!(of_reads("equal") > 0, "{metrics}");
    assert_eq!(of_reads("diverged"), 0, "{metrics}");
    assert_eq!(site.turnout(&["divergence", "list"])?, "no row is known to differ\n");
    Ok(())
}

/// Changes rows on `new` behind Turnout's back, and waits until the host has seen that.
async fn plant(new: &PgPool) -> Result<()> {
    raw_sql(
        "update services set price = price + 1 where id = 3;
         delete from staff_schedules where id = (select max(id) from staff_schedules);
         insert into staff (id, name) values (77777, 'nobody');",
    )
    .execute(new)
    .await?;
    eventually("the host has seen the direct changes", async || {
        let pending: i64 = sqlx::query_scalar("select count(*) from turnout.dirty")
            .fetch_one(new)
            .await
            .ok()?;
        (pending == 0).then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn reconcile_makes_both_sides_equal_again() -> Result<()> {
    let (site, _host, _old, new) = mirrored().await?;
    plant(&new).await?;
    let rehearsed = site.turnout(&["reconcile", "--dry-run"])?;
    assert!(
        rehearsed.contains("services: 1 rows differ, of which 1 would be mirrored again"),
        "{rehearsed}"
    );
    assert_eq!(verify(&site, &[])?.0, Some(1), "a rehearsal changes nothing");

    let repaired = site.turnout(&["reconcile"])?;
    for expected in [
        "clients: equal",
        "staff: 1 rows differed, 1 were mirrored again, 1 are equal now",
    ] {
        assert!(repaired.contains(expected), "{expected}: {repaired}");
    }
    assert_eq!(verify(&site, &[])?.0, Some(0));
    assert_eq!(site.turnout(&["divergence", "list"])?, "no row is known to differ\n");
    let history = site.turnout(&["divergence", "explain", "services", "3"])?;
    assert!(history.contains("ended: "), "{history}");
    Ok(())
}

#[tokio::test]
async fn ten_thousand_differences_are_repaired_while_requests_go_on() -> Result<()> {
    const ROWS: u32 = 10_000;
    let (site, host, old, new) = mirrored().await?;
    for side in [&old, &new] {
        raw_sql(AssertSqlSafe(format!(
            "begin; set local turnout.epoch = 'mirror';
             insert into clients (id, name, created_at, updated_at)
             select n, 'client ' || n, '2026-01-01', '2026-01-01' from generate_series(100001, 100000 + {ROWS}) as n; commit"
        )))
        .execute(side)
        .await?;
    }
    raw_sql(
        "begin; set local turnout.epoch = 'mirror'; update clients set name = name || '!' where id > 100000; commit",
    )
    .execute(&new)
    .await?;
    let (host, is_over) = (Arc::new(host), Arc::new(AtomicBool::new(false)));
    let requests = tokio::spawn({
        let (host, is_over) = (Arc::clone(&host), Arc::clone(&is_over));
        async move {
            let mut answered = 0_u32;
            while !is_over.load(Relaxed) {
                let answer = host.get("/rest/v1/clients?id=eq.10&select=id").await?;
                ensure!(answer.status == 200, "{}", answer.text);
                answered += 1;
            }
            anyhow::Ok(answered)
        }
    });
    let site = Arc::new(site);
    let repaired = tokio::task::spawn_blocking({
        let site = Arc::clone(&site);
        move || site.turnout(&["reconcile", "--repository", "clients"])
    });
    let repaired = repaired.await??;
    is_over.store(true, Relaxed);
    let answered = requests.await??;
    let expected = format!("clients: {ROWS} rows differed, {ROWS} were mirrored again, {ROWS} are equal now");
    assert!(repaired.contains(&expected), "{repaired}");
    assert!(answered > 50, "{answered} requests were answered meanwhile");
    assert_eq!(verify(&site, &["--repository", "clients"])?.0, Some(0));
    let status = host.get("/v1/status").await?.json();
    let alerts = status["alerts"].as_array().map_or(0, Vec::len);
    assert!(alerts <= 5, "{}", status["alerts"]);
    Ok(())
}

#[tokio::test]
async fn differences_that_the_policy_tolerates_are_equal() -> Result<()> {
    let (site, host, _old, new) = mirrored().await?;
    plant(&new).await?;
    site.put(
        "divergence.toml",
        "[repositories.services]\nignore = ['price']\n[repositories.staff_schedules]\nignore = ['id']\n",
    )?;
    host.status_with("the settings are in force", |status| status["epoch"] == 2)
        .await;
    let (status, printed) = verify(&site, &["--repository", "services"])?;
    let services = of(&printed, "services");
    assert_eq!(
        (status, &services["different"], &services["tolerated"]),
        (Some(0), &json!(0), &json!(1)),
        "{printed}"
    );
    assert_ne!(services["sha256"]["old"], services["sha256"]["new"]);
    Ok(())
}

#[tokio::test]
async fn reads_in_shadow_are_compared_and_people_are_told() -> Result<()> {
    let (site, host, _old, new) = mirrored().await?;
    site.route("[default]\nstage = 'shadow'\n")?;
    host.status_with("the stage is in force", |status| {
        status["epoch"].as_u64() > Some(1) && status["leaving"] == json!([]) && status["converging"] == json!([])
    })
    .await;
    plant(&new).await?;
    for _ in 0..40 {
        let answer = host.get("/rest/v1/services?id=eq.3&select=title,price").await?;
        ensure!(
            answer.status.is_success() && answer.backend() == "old",
            "{}",
            answer.text
        );
        host.get("/rest/v1/services?id=eq.4").await?;
    }
    let of_reads = |metrics: &str, result: &str| counted(metrics, "services", "read", result);
    eventually("reads are compared", async || {
        let metrics = host.send(host.request(Method::GET, "/metrics")).await.ok()?.text;
        (of_reads(&metrics, "diverged") >= 10 && of_reads(&metrics, "equal") >= 10).then_some(())
    })
    .await;
    let listed = site.turnout(&["divergence", "list", "--repository", "services"])?;
    assert!(
        listed.contains("services  {\"id\":3}  price  found by read"),
        "{listed}"
    );
    let status = host
        .status_with("people are told of the rate", |status| {
            let alerts = status["alerts"].as_array();
            let is_rate = |alert: &Value| {
                alert["kind"] == "divergence" && alert["message"].as_str().is_some_and(|said| said.contains('%'))
            };
            alerts.is_some_and(|alerts| alerts.iter().any(is_rate))
        })
        .await;
    assert!(
        status["alerts"].to_string().contains("services: price"),
        "{}",
        status["alerts"]
    );
    Ok(())
}

#[tokio::test]
async fn read_that_differs_is_repaired_where_the_host_may() -> Result<()> {
    let (site, host, old, new) = mirrored().await?;
    host.stop().await?;
    site.configure(&[("divergence.reconcile_every", "'1h'")])?;
    site.route("[default]\nstage = 'shadow'\n")?;
    let host = site.host().await?;
    host.status_with("the stage is in force", |status| {
        status["epoch"].as_u64() > Some(1) && status["leaving"] == json!([]) && status["converging"] == json!([])
    })
    .await;
    // The mirror does not see this change: it leaves no pending entry.
    raw_sql("begin; set local turnout.epoch = 'mirror'; update services set price = price + 1 where id = 3; commit")
        .execute(&new)
        .await?;
    eventually("the row is as its authority has it", async || {
        host.get("/rest/v1/services?id=eq.3&select=title,price").await.ok()?;
        let price = "select price::text from services where id = 3";
        let old: String = sqlx::query_scalar(price).fetch_one(&old).await.ok()?;
        let new: String = sqlx::query_scalar(price).fetch_one(&new).await.ok()?;
        (old == new).then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn an_interrupted_verification_goes_on_where_it_was() -> Result<()> {
    let (site, host, old, new) = mirrored().await?;
    host.stop().await?;
    for side in [&old, &new] {
        raw_sql(
            "begin; set local turnout.epoch = 'mirror';
             insert into clients (id, name, created_at, updated_at)
             select n, 'client ' || n, '2026-01-01', '2026-01-01' from generate_series(100001, 160000) as n; commit",
        )
        .execute(side)
        .await?;
    }
    let mut slow: Command = turnout();
    slow.arg("--config")
        .arg(site.config())
        .args(["verify", "--repository", "clients", "--max-load", "3"]);
    let mut slow = slow.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let place = "select state -> 'current' -> 'tally' -> 'place' ->> 'low' from turnout.unfinished";
    let place = eventually("a part of the table is compared", async || {
        let place: Option<String> = sqlx::query_scalar(place).fetch_optional(&new).await.ok()??;
        place
    })
    .await;
    Command::new("kill").args(["-INT", &slow.id().to_string()]).status()?;
    assert_eq!(slow.wait()?.code(), Some(2));

    let mut again: Command = turnout();
    again
        .arg("--config")
        .arg(site.config())
        .args(["verify", "--repository", "clients", "--json"]);
    let output = again.output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("an interrupted verification goes on"), "{told}");
    let printed: Value = serde_json::from_slice(&output.stdout)?;
    let clients = of(&printed, "clients");
    assert_eq!(
        (output.status.code(), &clients["rows"]["new"]),
        (Some(0), &json!(61_299)),
        "{place}: {printed}"
    );
    let (_, whole) = verify(&site, &["--repository", "clients"])?;
    assert_eq!(
        of(&whole, "clients")["sha256"],
        clients["sha256"],
        "the digest depends on the interruption"
    );
    Ok(())
}
