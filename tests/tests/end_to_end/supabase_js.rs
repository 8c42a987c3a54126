//! Supabase's client, unchanged: its tests (`tests/supabase_js`) pass while everything is on `old`, and while everything is on `new` and
//! mirrored.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::json;
use sqlx::raw_sql;
use tokio::process::Command;
use turnout_tests::{Host, Site, eventually, supabase_js};

/// The tables that the client reads and writes, and their functions.
const SCHEMA: &str = include_str!("../../supabase_js/schema.sql");

/// What the configuration has beside that of every site.
const SETTINGS: [(&str, &str); 12] = [
    ("api.aggregates", "true"),
    ("repositories.instruments", "{ key = ['id'] }"),
    ("repositories.teachers", "{ key = ['id'] }"),
    ("repositories.teaches", "{ key = ['teacher_id', 'instrument_id'] }"),
    ("repositories.pupils", "{ key = ['phone'], subject = 'phone' }"),
    ("repositories.cards", "{ key = ['phone'], subject = 'phone' }"),
    ("repositories.lessons", "{ key = ['id'], subject = 'phone' }"),
    ("repositories.seats", "{ key = ['hall', 'number'] }"),
    ("repositories.tickets", "{ key = ['id'] }"),
    ("repositories.letters", "{ key = ['id'], schema = 'attic' }"),
    ("repositories.visits", "{ key = ['phone', 'day'], subject = 'phone' }"),
    ("repositories.counters", "{ key = ['id'] }"),
];

/// Runs the client's tests against a host. The error holds what they print.
async fn run_client(host: &Host) -> Result<()> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("supabase_js");
    let mut node = Command::new("node");
    node.args(["--test", "--test-concurrency=1", "--test-reporter=spec"]);
    for source in fs::read_dir(sources)? {
        let source = source?.path();
        if source.to_string_lossy().ends_with(".test.mjs") {
            node.arg(source);
        }
    }
    node.current_dir(supabase_js())
        .env("TURNOUT_URL", format!("http://{}", host.address()))
        .env("TURNOUT_KEY", Site::KEY);
    let output = node.output().await?;
    ensure!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Gives everybody a stage, and waits until this side answers and nothing is left to mirror.
async fn move_to(site: &Site, host: &Host, stage: &str, authority: &str) -> Result<()> {
    let before = host.get("/v1/status").await?.json()["epoch"].as_u64();
    site.route(&format!("[default]\nstage = '{stage}'\n"))?;
    eventually("everybody is in the stage, and both sides are compared", async || {
        let answer = host.get("/rest/v1/seats").await.ok()?;
        let status = host.get("/v1/status").await.ok()?.json();
        let mirrored = ["old", "new"].iter().all(|side| {
            let repositories = status["mirror"][side]["repositories"].as_array();
            repositories.is_some_and(|all| all.iter().all(|one| one["dirty"] == 0))
        });
        let moved = status["epoch"].as_u64() > before && answer.backend() == authority;
        (moved && status["converging"] == json!([]) && mirrored).then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn the_client_works_on_old_and_on_new_mirrored() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        raw_sql(SCHEMA).execute(side).await?;
    }
    site.configure(&SETTINGS)?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    site.route("[default]\nstage = 'off'\n")?;
    let host = site.host().await?;
    run_client(&host).await?;

    move_to(&site, &host, "dualwrite", "old").await?;
    move_to(&site, &host, "live", "new").await?;
    run_client(&host).await?;
    site.turnout(&["verify"])?;
    Ok(())
}
