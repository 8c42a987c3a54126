//! `turnout check` and `turnout status`: an operator's questions before a host runs and while it runs.

use std::fs;
use std::process::Output;

use anyhow::Result;
use serde_json::Value;
use turnout_tests::{Site, turnout};

/// Whether a command of `turnout` succeeded, its standard output and its standard error.
struct Said {
    well: Option<i32>,
    out: String,
    err: String,
}

fn said(site: &Site, arguments: &[&str]) -> Result<Said> {
    let Output { status, stdout, stderr } = turnout().arg("--config").arg(site.config()).args(arguments).output()?;
    Ok(Said {
        well: status.code(),
        out: String::from_utf8(stdout)?,
        err: String::from_utf8(stderr)?,
    })
}

#[tokio::test]
async fn a_good_site_passes_with_a_line_for_each_part() -> Result<()> {
    let site = Site::set_up().await?;
    let Said { well, out, err } = said(&site, &["check"])?;
    assert_eq!((well, err.as_str()), (Some(0), ""), "{out}");
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines.len(), 7, "{out}");
    assert_eq!(lines[0], format!("ok     configuration {}", site.config().display()));
    assert_eq!(
        lines[1],
        "ok     backend old (supabase) with 7 repositories, Turnout is installed"
    );
    assert_eq!(
        lines[2],
        "ok     backend new (timeweb) with 7 repositories, Turnout is installed"
    );
    for (line, policy) in [
        (lines[3], "ok     policy routing: turnout-routing 0.1.0, module "),
        (lines[4], "ok     policy dual-write: turnout-dual-write 0.1.0, module "),
        (lines[5], "ok     policy divergence: turnout-divergence 0.1.0, module "),
        (
            lines[6],
            "ok     policy safe-cleanup: turnout-safe-cleanup 0.1.0, module ",
        ),
    ] {
        assert!(line.starts_with(policy), "{out}");
    }
    Ok(())
}

#[tokio::test]
async fn every_mistake_of_a_configuration_is_named_at_once() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[
        ("api.listen", "'everywhere'"),
        ("api.admin_key", "'key-of-the-application'"),
        ("api.request_timeout", "'soon'"),
        ("backends.old.url", "'mysql://u@127.0.0.1/old'"),
        ("backends.new.pol", "3"),
        ("subjects.region", "'ZZ'"),
        ("repositories.clients.key", "[]"),
        ("surprise", "1"),
    ])?;
    for arguments in [&["check"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let Said { well, out, err } = said(&site, arguments)?;
        assert_eq!((well, out.as_str()), (Some(1), ""), "{err}");
        for words in [
            "has 8 mistakes to mend",
            "`api.listen`",
            "are the same",
            "`api.request_timeout`",
            "`backends.old.url`",
            "`backends.new.pol` is unknown",
            "no region \"ZZ\"",
            "`key` names no column",
            "`surprise` is unknown",
        ] {
            assert!(err.contains(words), "{words} is not in {err}");
        }
        let config = site.config().display().to_string();
        assert_eq!(
            err.matches(&format!("\n  {config}:")).count(),
            8,
            "each has its line: {err}"
        );
        assert!(!err.contains("u@127.0.0.1"), "an address may hold a password: {err}");
    }
    fs::remove_file(site.config())?;
    let Said { well, err, .. } = said(&site, &["check"])?;
    assert_eq!(well, Some(1));
    assert!(err.contains("cannot read the configuration"), "{err}");
    Ok(())
}

#[tokio::test]
async fn short_keys_and_more_connections_than_descriptors_are_warned_of() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("api.key", "'short'"), ("api.connections", "2000000000")])?;
    let Said { well, out, .. } = said(&site, &["check"])?;
    assert_eq!(well, Some(0), "{out}");
    let warnings: Vec<_> = out.lines().filter(|line| line.starts_with("warn")).collect();
    assert_eq!(warnings.len(), 2, "{out}");
    assert!(warnings[0].contains("`api.key` has fewer than 16 characters"), "{out}");
    assert!(warnings[1].contains("leave room for"), "{out}");
    assert!(!out.contains("short'"), "{out}");

    site.configure(&[("api.admin_key", "123456789")])?;
    let Said { well, err, .. } = said(&site, &["check"])?;
    assert_eq!(well, Some(1));
    assert!(
        err.contains("`api.admin_key`: must be a text in quotes") && !err.contains("1234"),
        "{err}"
    );
    Ok(())
}

#[tokio::test]
async fn bad_policies_are_named_with_file_line_and_reason() -> Result<()> {
    let site = Site::set_up().await?;
    site.route("[default]\nstage = 'off'\nstge = 'live'\n")?;
    let Said { well, out, err } = said(&site, &["check"])?;
    assert_eq!(well, Some(1));
    let place = format!("{}:3: ", site.policies().join("routing.toml").display());
    assert!(out.contains(&place) && out.contains("stge"), "{out}");
    assert!(
        out.lines()
            .any(|line| line.starts_with("wrong  the policies are refused")),
        "{out}"
    );
    assert_eq!(err, "turnout: one check failed\n");
    assert_eq!(out.matches("ok ").count(), 3, "the rest is checked all the same: {out}");

    fs::write(site.policies().join("routing.wasm"), "no module")?;
    let Said { well, out, .. } = said(&site, &["check"])?;
    assert_eq!(well, Some(1));
    assert!(
        out.contains(&site.policies().join("routing.wasm").display().to_string()),
        "{out}"
    );
    Ok(())
}

#[tokio::test]
async fn check_names_dead_databases_and_misfit_repositories() -> Result<()> {
    let mut site = Site::set_up().await?;
    site.configure(&[
        ("backends.old.acquire_timeout", "'1s'"),
        ("repositories.reviews.key", "['id']"),
        ("repositories.staff.key", "['name']"),
        ("repositories.services.subject", "'phone'"),
    ])?;
    site.old.stop().await?;
    let Said { well, out, err } = said(&site, &["check"])?;
    assert_eq!(well, Some(1), "{out}");
    let wrong: Vec<_> = out.lines().filter(|line| line.starts_with("wrong")).collect();
    for (line, words) in [
        ("wrong  backend old (supabase): ", "unavailable"),
        ("wrong  backend new (timeweb): ", "no table public.reviews"),
        (
            "wrong  backend new (timeweb): ",
            "no primary key or unique constraint on exactly (name)",
        ),
        (
            "wrong  backend new (timeweb): ",
            "table public.services of backend new has no column phone",
        ),
    ] {
        assert!(
            wrong
                .iter()
                .any(|wrong| wrong.starts_with(line) && wrong.contains(words)),
            "{words}: {out}"
        );
    }
    assert_eq!((wrong.len(), err.as_str()), (4, "turnout: 4 checks failed\n"), "{out}");
    let password = site.old.url().split(['/', ':', '@']).nth(4).unwrap_or_default();
    assert!(password.len() > 8 && !out.contains(password), "{out}");
    Ok(())
}

#[tokio::test]
async fn status_tells_how_a_running_host_stands() -> Result<()> {
    let mut site = Site::set_up().await?;
    let host = site.host().await?;
    site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;
    let Said { well, out, err } = said(&site, &["status"])?;
    assert_eq!((well, err.as_str()), (Some(0), ""), "{out}");
    for words in [
        "turnout 0.1.0, up ",
        "epoch 1\n",
        "  routing     turnout-routing 0.1.0  module ",
        "  dual-write  turnout-dual-write 0.1.0  module ",
        "  old  up    p95 ",
        " ms  supabase\n",
        " ms  timeweb\n",
        "bookings, clients, companies, dialog_contexts, services, staff, staff_schedules\n",
    ] {
        assert!(out.contains(words), "{words} is not in {out}");
    }
    site.route("[default]\nstage = 'sideways'\n")?;
    turnout_tests::eventually("the refusal shows in the text", async || {
        let out = said(&site, &["status"]).ok()?.out;
        (out.contains("  refused  ") && out.contains("routing.toml:2: ")).then_some(())
    })
    .await;
    let Said { well, out, .. } = said(&site, &["status", "--json"])?;
    let status: Value = serde_json::from_str(&out)?;
    assert_eq!(
        (well, &status["epoch"], &status["refused"]["line"]),
        (Some(0), &1.into(), &2.into())
    );
    assert_eq!(out.lines().count(), 1);

    site.new.stop().await?;
    turnout_tests::eventually("the dead backend shows in the text", async || {
        host.get("/rest/v1/clients?phone=eq.89686484488").await.ok()?;
        said(&site, &["status"]).ok()?.out.contains("  new  down").then_some(())
    })
    .await;
    host.stop().await?;
    let Said { well, err, .. } = said(&site, &["status"])?;
    assert_eq!(well, Some(1));
    assert!(err.contains("no host answers at"), "{err}");
    Ok(())
}

#[test]
fn help_names_every_command() -> Result<()> {
    let help = turnout().arg("--help").output()?;
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout)?;
    for command in [
        "serve",
        "demo",
        "check",
        "apply",
        "status",
        "install",
        "uninstall",
        "mirror",
        "failover",
        "policy",
        "--config",
    ] {
        assert!(help.contains(command), "{command} is not in {help}");
        if !command.starts_with('-') {
            assert!(
                turnout().args([command, "--help"]).output()?.status.success(),
                "{command}"
            );
        }
    }
    Ok(())
}
