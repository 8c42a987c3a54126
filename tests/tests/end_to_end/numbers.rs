//! Ids count as the application made them while one side alone can insert, and never collide while both sides can.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool, raw_sql};
use turnout_tests::{Host, Site};

const OFF: &str = "[default]\nstage = 'off'\n";
const DUALWRITE: &str = "[default]\nstage = 'dualwrite'\n";
const TEST_PHONE: &str =
    "[[cohort]]\nname = 'test phone'\nsubjects = ['89686484488']\nstage = 'live'\n[default]\nstage = 'dualwrite'\n";
const LIVE: &str = "[default]\nstage = 'live'\n";
const COMPLETE: &str = "[default]\nstage = 'complete'\n";

/// Inserts rows directly into a database, and returns their ids.
async fn ids(database: &PgPool, count: usize) -> Result<Vec<i32>> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let id = sqlx::query_scalar("insert into clients (name) values ('x') returning id");
        ids.push(id.fetch_one(database).await?);
    }
    Ok(ids)
}

/// The step of the sequence of the clients' ids.
async fn step(database: &PgPool) -> Result<i64> {
    let step = "select seqincrement from pg_sequence where seqrelid = 'clients_id_seq'::regclass";
    Ok(sqlx::query_scalar(AssertSqlSafe(step)).fetch_one(database).await?)
}

/// Changes the routing settings, and waits until they are in force and both sides are compared.
async fn route(site: &Site, host: &Host, settings: &str, epoch: u64) -> Result<()> {
    site.route(settings)?;
    host.status_with("the policies are in force", |status| {
        assert_eq!(status["refused"], Value::Null, "{status}");
        status["epoch"].as_u64() >= Some(epoch) && status["leaving"] == json!([]) && {
            let idle = |side: &str| {
                let all = status["mirror"][side]["repositories"].as_array();
                all.is_some_and(|all| all.iter().all(|one| one["dirty"] == 0))
            };
            settings == OFF || settings == COMPLETE || (status["converging"] == json!([]) && idle("old") && idle("new"))
        }
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn ids_never_collide_and_have_no_gaps_on_one_side() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("handoff.budget", "'15s'")])?;
    site.route(OFF)?;
    let host = site.host().await?;
    let (old, new) = site.databases().await?;
    let first = ids(&old, 1).await?[0];
    assert_eq!(ids(&old, 2).await?, [first + 1, first + 2], "while everything is off");
    route(&site, &host, DUALWRITE, 2).await?;
    assert_eq!(ids(&old, 2).await?, [first + 3, first + 4], "while only old can insert");

    route(&site, &host, TEST_PHONE, 3).await?;
    let written = host
        .write(
            Method::POST,
            "/rest/v1/clients?select=id",
            &json!({ "name": "on new", "phone": "89686484499" }),
        )
        .await?;
    assert_eq!(written.status, 201, "{}", written.text);
    let (on_old, on_new) = (ids(&old, 5).await?, ids(&new, 5).await?);
    assert!(on_old.iter().all(|id| id % 2 == 1 && *id > first + 4), "{on_old:?}");
    assert!(on_new.iter().all(|id| id % 2 == 0 && *id > first + 4), "{on_new:?}");

    route(&site, &host, LIVE, 4).await?;
    assert_eq!(step(&new).await?, 1);
    let on_new = ids(&new, 3).await?;
    assert_eq!(on_new, [on_new[0], on_new[0] + 1, on_new[0] + 2]);
    assert!(on_new[0] > on_old[4], "{on_new:?} {on_old:?}");

    route(&site, &host, DUALWRITE, 5).await?;
    let on_old = ids(&old, 2).await?;
    assert_eq!(on_old, [on_new[2] + 1, on_new[2] + 2], "back again");

    route(&site, &host, LIVE, 6).await?;
    route(&site, &host, COMPLETE, 7).await?;
    for side in ["old", "new"] {
        site.turnout(&["uninstall", side])?;
    }
    assert_eq!(ids(&new, 2).await?, [on_old[1] + 1, on_old[1] + 2], "after all that");
    Ok(())
}

#[tokio::test]
async fn a_sequence_set_by_hand_is_set_apart_again() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(TEST_PHONE)?;
    let host = site.host().await?;
    route(&site, &host, TEST_PHONE, 1).await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        raw_sql("select setval('clients_id_seq', 5000); alter sequence clients_id_seq increment by 1")
            .execute(side)
            .await?;
    }
    turnout_tests::eventually("the sequences are set apart again", async || {
        (step(&old).await.ok()? == 2 && step(&new).await.ok()? == 2).then_some(())
    })
    .await;
    let (on_old, on_new) = (ids(&old, 3).await?, ids(&new, 3).await?);
    assert!(on_old.iter().all(|id| !on_new.contains(id)), "{on_old:?} {on_new:?}");
    Ok(())
}

#[tokio::test]
async fn a_sequence_that_cannot_be_set_apart_refuses_the_change() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(DUALWRITE)?;
    let (old, _) = site.databases().await?;
    raw_sql("alter sequence clients_id_seq cycle").execute(&old).await?;
    let checked = site.turnout(&["check"])?;
    assert!(
        checked.contains("sequence public.clients_id_seq of clients can't be set apart"),
        "{checked}"
    );
    let host = site.host().await?;
    site.route(TEST_PHONE)?;
    let status = host
        .status_with("the change is refused", |status| status["refused"] != Value::Null)
        .await;
    let refused = status["refused"].to_string();
    assert!(
        refused.contains("public.clients_id_seq on old, which numbers clients") && refused.contains("cycle"),
        "{refused}"
    );
    Ok(())
}
