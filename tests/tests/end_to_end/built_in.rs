//! The policies that are part of the program: they decide where nobody has given a file.

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::json;
use turnout_tests::{Host, Site, eventually, policy};

const CLIENTS: &str = "/rest/v1/clients?id=eq.2&select=id";

/// Empties the policy directory.
fn empty(site: &Site) -> Result<()> {
    for file in fs::read_dir(site.policies())? {
        fs::remove_file(file?.path())?;
    }
    Ok(())
}

async fn backend(host: &Host) -> Result<String> {
    Ok(host.get(CLIENTS).await?.backend().to_owned())
}

/// Starts a host, and waits until its first policies are on record.
async fn start(site: &Site) -> Result<Host> {
    let host = site.host().await?;
    host.status_with("the first epoch is in force", |status| status["epoch"] == 1)
        .await;
    Ok(host)
}

async fn becomes(host: &Host, side: &str) {
    eventually("the change is in force", async || {
        (backend(host).await.ok()? == side).then_some(())
    })
    .await;
}

#[test]
fn built_in_modules_are_what_their_sources_build_to() -> Result<()> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/policies/src/built_in");
    for world in ["routing", "dual-write", "divergence", "safe-cleanup"] {
        let built = fs::read(policy(world))?;
        if built.windows(9).any(|part| part == b"/registry")
            && !built.windows(15).any(|part| part == b"/cargo/registry")
        {
            // Plain cargo leaves the path of the libraries in the module.
            eprintln!("skipped: {world} is not built by `cargo xtask test`");
            continue;
        }
        assert!(
            built == fs::read(sources.join(format!("{world}.wasm")))?,
            "the sources of {world} have changed: run `cargo xtask built-in`"
        );
    }
    Ok(())
}

#[tokio::test]
async fn empty_directory_serves_with_everything_off() -> Result<()> {
    let site = Site::set_up().await?;
    empty(&site)?;
    let host = start(&site).await?;
    let status = host.get("/v1/status").await?.json();
    for world in ["routing", "dual_write", "divergence", "safe_cleanup"] {
        assert_eq!(status[world]["built_in"], true, "{world}: {status}");
    }
    assert_eq!((&status["epoch"], &status["refused"]), (&json!(1), &json!(null)));
    assert_eq!(backend(&host).await?, "old");
    site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;
    for answer in [
        site.turnout(&["check"])?,
        site.turnout(&["status"])?,
        site.turnout(&["policy", "list"])?,
        site.turnout(&["policy", "show", "1"])?,
    ] {
        assert!(answer.matches("built in").count() >= 4, "{answer}");
    }
    assert!(fs::read_dir(site.policies())?.next().is_none(), "nothing was written");
    host.stop().await
}

#[tokio::test]
async fn absent_directory_is_served_without_and_found_when_it_comes() -> Result<()> {
    let site = Site::set_up().await?;
    fs::remove_dir_all(site.policies())?;
    let host = start(&site).await?;
    assert_eq!(backend(&host).await?, "old");
    fs::create_dir(site.policies())?;
    site.route("[default]\nstage = 'complete'\n")?;
    becomes(&host, "new").await;
    host.stop().await
}

#[tokio::test]
async fn ejected_settings_change_a_stage_once_edited() -> Result<()> {
    let site = Site::set_up().await?;
    empty(&site)?;
    let host = start(&site).await?;
    site.turnout(&["policy", "eject", "routing"])?;
    let settings = fs::read_to_string(site.policies().join("routing.toml"))?;
    assert!(settings.contains("stage = \"off\""), "{settings}");
    site.route(&settings.replacen("[default]\nstage = \"off\"", "[default]\nstage = \"complete\"", 1))?;
    becomes(&host, "new").await;
    let status = host.get("/v1/status").await?.json();
    assert_eq!(status["epoch"], 2, "what is ejected unchanged makes no epoch: {status}");
    let (succeeded, _, said) = site.said(&["policy", "eject", "routing"])?;
    assert!(!succeeded && said.contains("is there already"), "{said}");
    let (succeeded, _, said) = site.said(&["policy", "eject", "rooting"])?;
    assert!(
        !succeeded && said.contains("routing, dual-write, divergence, safe-cleanup"),
        "{said}"
    );
    host.stop().await
}

#[tokio::test]
async fn files_win_over_what_is_built_in_and_what_is_on_record_survives_them() -> Result<()> {
    let site = Site::set_up().await?;
    empty(&site)?;
    // A module of another digest, with settings of its own.
    let mut module = fs::read(policy("routing"))?;
    module.extend([0, 6, 4, b'm', b'a', b'r', b'k', 1]);
    site.put("routing.toml", "[default]\nstage = 'complete'\n")?;
    site.put("routing.wasm", &module)?;
    let host = start(&site).await?;
    assert_eq!(backend(&host).await?, "new");
    let status = host.get("/v1/status").await?.json();
    assert_eq!(status["routing"]["built_in"], false, "{status}");
    assert_eq!(status["dual_write"]["built_in"], true, "{status}");
    host.stop().await?;
    // A directory that holds nothing says nothing, least of all that everything is off.
    empty(&site)?;
    let host = start(&site).await?;
    assert_eq!(backend(&host).await?, "new");
    let status = host.get("/v1/status").await?.json();
    assert_eq!((&status["epoch"], &status["refused"]), (&json!(1), &json!(null)));
    // Settings alone are for the module that decides.
    site.route("[default]\nstage = 'off'\n")?;
    becomes(&host, "old").await;
    let status = host.get("/v1/status").await?.json();
    assert_eq!(status["routing"]["built_in"], false, "{status}");
    host.stop().await
}

#[tokio::test]
async fn record_from_before_a_world_existed_means_its_default() -> Result<()> {
    let site = Site::set_up().await?;
    let host = start(&site).await?;
    host.stop().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        sqlx::query("update turnout.epoch set set = (set::jsonb - 'dual_write' - 'divergence' - 'safe_cleanup')::json")
            .execute(side)
            .await?;
    }
    empty(&site)?;
    let host = start(&site).await?;
    let status = host.get("/v1/status").await?.json();
    assert_eq!((&status["epoch"], &status["refused"]), (&json!(1), &json!(null)));
    for world in ["dual_write", "divergence", "safe_cleanup"] {
        assert_eq!(status[world]["built_in"], true, "{world}: {status}");
    }
    assert_eq!(status["routing"]["built_in"], policy_is_built_in()?, "{status}");
    host.stop().await
}

/// Whether the routing policy that sites begin with is byte for byte the built-in one.
fn policy_is_built_in() -> Result<bool> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/policies/src/built_in");
    Ok(fs::read(policy("routing"))? == fs::read(sources.join("routing.wasm"))?)
}
