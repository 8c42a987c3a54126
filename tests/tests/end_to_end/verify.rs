//! `turnout verify` finds what differs and nothing else, while the application writes.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{PgPool, raw_sql};
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

    let kept = "select json_agg(json_build_array(number, kind, result::json -> 0 -> 'repository', before = coalesce(earlier, '')) order by number)::text
        from (select *, lag(digest) over (order by number) as earlier from turnout.evidence) as evidence";
    let kept: String = sqlx::query_scalar(kept).fetch_one(&new).await?;
    assert_eq!(
        serde_json::from_str::<Value>(&kept)?,
        json!([[1, "verify", "bookings", true], [2, "verify", "clients", true]])
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
async fn rows_on_their_way_are_no_difference() -> Result<()> {
    let (site, host, _old, _new) = mirrored().await?;
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
    Ok(())
}
