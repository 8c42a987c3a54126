//! The policies change while the host is busy.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use serde_json::Value;
use turnout_tests::{Host, Site, eventually, policy};

/// Clients on `old`, services on `new`.
const ONE_WAY: &str = "[default]\nstage = 'off'\n[repositories.services]\nstage = 'complete'\n";

/// Clients on `new`, services on `old`.
const OTHER_WAY: &str = "[default]\nstage = 'off'\n[repositories.clients]\nstage = 'complete'\n";

const CLIENT: &str = "/rest/v1/clients?id=eq.2&select=id";
const SERVICE: &str = "/rest/v1/services?id=eq.2&select=id";

/// The epoch and the backend of the answer to a read of a client.
async fn client(host: &Host) -> Result<(u64, String)> {
    let answer = host.get(CLIENT).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok((answer.header("x-turnout-epoch").parse()?, answer.backend().to_owned()))
}

/// Waits until an epoch is in force, and returns the backend of the clients under it.
async fn in_force(host: &Host, epoch: u64) -> String {
    eventually("the next epoch is in force", async || {
        let (found, backend) = client(host).await.ok()?;
        assert!(found <= epoch, "one change made more than one epoch");
        (found == epoch).then_some(backend)
    })
    .await
}

async fn refused(host: &Host) -> Value {
    eventually("the refusal shows in the status", async || {
        let refused = host.get("/v1/status").await.ok()?.json()["refused"].clone();
        (!refused.is_null()).then_some(refused)
    })
    .await
}

/// The routing module with another custom section, which changes its digest and nothing else.
fn another_module(mark: u8) -> Result<Vec<u8>> {
    let mut module = fs::read(policy("routing"))?;
    module.extend([0, 6, 4, b'm', b'a', b'r', b'k', mark]);
    Ok(module)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_reloads_under_load_fail_no_request() -> Result<()> {
    const BURSTS: u64 = 200;
    const CONNECTIONS: usize = 32;
    let site = Site::set_up().await?;
    // On a busy machine an unoptimised host may take seconds to open all its connections at once.
    site.configure(&[
        ("backends.old.acquire_timeout", "'15s'"),
        ("backends.new.acquire_timeout", "'15s'"),
    ])?;
    site.route(ONE_WAY)?;
    let host = Arc::new(site.host().await?);
    let over = Arc::new(AtomicBool::new(false));
    let ask = |host: Arc<Host>, over: Arc<AtomicBool>| async move {
        let mut epochs = BTreeSet::new();
        let mut last = 0;
        while !over.load(Ordering::Relaxed) {
            for path in [CLIENT, SERVICE] {
                let answer = host.get(path).await?;
                let (status, epoch) = (answer.status, answer.header("x-turnout-epoch").parse::<u64>()?);
                ensure!(status == 200, "{status} in epoch {epoch}: {}", answer.text);
                // The two settings alternate. A set equal to the one in force makes no epoch.
                let expected = if (epoch % 2 == 1) == (path == CLIENT) {
                    "old"
                } else {
                    "new"
                };
                ensure!(
                    answer.backend() == expected,
                    "{path} by {} in epoch {epoch}",
                    answer.backend()
                );
                ensure!(epoch >= last, "epoch {epoch} after {last}");
                last = epoch;
                epochs.insert(epoch);
            }
        }
        Ok(epochs)
    };
    let connections: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::spawn(ask(Arc::clone(&host), Arc::clone(&over))))
        .collect();

    // Five changes come as fast as they can be written. The test waits for the last one.
    let mut epoch = 1;
    for burst in 1..=BURSTS {
        let (first, second) = if burst % 2 == 1 {
            (OTHER_WAY, ONE_WAY)
        } else {
            (ONE_WAY, OTHER_WAY)
        };
        for settings in [first, second, first, second, first] {
            site.route(settings)?;
        }
        epoch = eventually("the last change of the burst is in force", async || {
            let (found, backend) = client(&host).await.ok()?;
            let expected = if first == ONE_WAY { "old" } else { "new" };
            (found > epoch && backend == expected).then_some(found)
        })
        .await;
    }
    over.store(true, Ordering::Relaxed);
    let mut seen = BTreeSet::new();
    for connection in connections {
        seen.extend(connection.await??);
    }
    assert!(epoch > BURSTS, "{epoch}");
    assert!(seen.len() > 100, "{} of {epoch} epochs were seen", seen.len());
    let status = host.get("/v1/status").await?.json();
    assert_eq!((&status["epoch"], &status["refused"]), (&epoch.into(), &Value::Null));
    Ok(())
}

#[tokio::test]
async fn a_file_may_be_written_in_place_or_renamed_over() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(ONE_WAY)?;
    let host = site.host().await?;
    assert_eq!(client(&host).await?, (1, "old".to_owned()));
    fs::write(site.policies().join("routing.toml"), OTHER_WAY)?;
    assert_eq!(in_force(&host, 2).await, "new");
    site.route(ONE_WAY)?;
    assert_eq!(in_force(&host, 3).await, "old");
    Ok(())
}

#[tokio::test]
async fn both_files_change_as_one_when_kubernetes_turns_its_symlink() -> Result<()> {
    let site = Site::set_up().await?;
    let policies = site.policies();
    let version = |name: &str, module: &[u8], settings: &str| -> Result<()> {
        fs::create_dir(policies.join(name))?;
        fs::write(policies.join(name).join("routing.wasm"), module)?;
        Ok(fs::write(policies.join(name).join("routing.toml"), settings)?)
    };
    version("..first", &fs::read(policy("routing"))?, ONE_WAY)?;
    symlink("..first", policies.join("..data"))?;
    for file in ["routing.wasm", "routing.toml"] {
        fs::remove_file(policies.join(file))?;
        symlink(Path::new("..data").join(file), policies.join(file))?;
    }
    let host = site.host().await?;
    let before = host.get("/v1/status").await?.json()["routing"].clone();

    version("..second", &another_module(2)?, OTHER_WAY)?;
    symlink("..second", policies.join("..data_tmp"))?;
    fs::rename(policies.join("..data_tmp"), policies.join("..data"))?;
    assert_eq!(in_force(&host, 2).await, "new");
    let status = host.get("/v1/status").await?.json();
    let after = &status["routing"];
    assert!(
        before["module"] != after["module"] && before["settings"] != after["settings"],
        "{after}"
    );
    fs::remove_dir_all(policies.join("..first"))?;
    assert_eq!(
        host.get("/v1/status").await?.json()["epoch"],
        2,
        "one change, one epoch"
    );
    Ok(())
}

#[tokio::test]
async fn another_good_module_takes_over() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(ONE_WAY)?;
    let host = site.host().await?;
    let before = host.get("/v1/status").await?.json()["routing"]["module"].clone();
    for (epoch, mark) in [(2, b'a'), (3, b'b')] {
        site.put("routing.wasm", another_module(mark)?)?;
        assert_eq!(in_force(&host, epoch).await, "old");
    }
    let status = host.get("/v1/status").await?.json();
    assert_ne!(status["routing"]["module"], before);
    assert_eq!(status["routing"]["name"], "turnout-routing");
    Ok(())
}

#[tokio::test]
async fn a_change_of_either_world_makes_one_epoch() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(ONE_WAY)?;
    let host = site.host().await?;
    let before = host.get("/v1/status").await?.json();
    site.put("dual-write.toml", "mirror = 'off'\n")?;
    assert_eq!(in_force(&host, 2).await, "old");
    let after = host.get("/v1/status").await?.json();
    assert_eq!(after["routing"], before["routing"]);
    assert_eq!(after["dual_write"]["module"], before["dual_write"]["module"]);
    assert_ne!(after["dual_write"]["settings"], before["dual_write"]["settings"]);
    assert_eq!(after["dual_write"]["name"], "turnout-dual-write");
    Ok(())
}

#[tokio::test]
async fn a_mistake_in_dual_write_settings_is_refused_by_line() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    for (settings, line, reason) in [
        ("mirror = 'perhaps'\n", 1, "perhaps"),
        ("\nsync_bound_ms = 0\n", 2, "nonzero"),
        ("[slow]\nwarning_ms = 2000\n", 1, "`critical_ms` (1000)"),
        ("[repositories.bookings]\nmirror = 'sync'\nslw = {}\n", 3, "slw"),
        ("[repositories.booking]\nmirror = 'sync'\n", 1, "`booking`"),
    ] {
        site.put("dual-write.toml", settings)?;
        eventually("this mistake shows in the status", async || {
            let refused = host.get("/v1/status").await.ok()?.json()["refused"].clone();
            let (file, said) = (refused["file"].as_str()?, refused["reason"].as_str()?);
            (file.ends_with("dual-write.toml") && refused["line"] == line && said.contains(reason)).then_some(())
        })
        .await;
    }
    assert_eq!(client(&host).await?.0, 1);
    Ok(())
}

#[tokio::test]
async fn removed_settings_are_reported_and_change_nothing() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(ONE_WAY)?;
    let host = site.host().await?;
    for file in ["routing.toml", "dual-write.toml"] {
        let path = site.policies().join(file);
        let restored = fs::read(&path)?;
        fs::remove_file(&path)?;
        let refused = refused(&host).await;
        assert!(
            refused["file"].as_str().is_some_and(|name| name.ends_with(file)),
            "{refused}"
        );
        assert!(
            refused["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains("cannot be read")),
            "{refused}"
        );
        assert_eq!(client(&host).await?, (1, "old".to_owned()));
        fs::write(&path, restored)?;
        eventually("the refusal is taken back", async || {
            let status = host.get("/v1/status").await.ok()?.json();
            status["refused"].is_null().then_some(())
        })
        .await;
    }
    assert_eq!(client(&host).await?.0, 1, "what is as it was makes no epoch");
    Ok(())
}

#[tokio::test]
async fn every_mistake_in_the_settings_is_refused_with_its_line() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(ONE_WAY)?;
    let host = site.host().await?;
    let cohort = "[[cohort]]\nname = 'a'\nstage = 'live'\n";
    for (settings, line, reason) in [
        ("[default]\nstage = 'of'\n".to_owned(), 2, "of"),
        ("[default]\nstage = 'off'\nstages = 'x'\n".to_owned(), 3, "stages"),
        (format!("{cohort}percent = 101\n[default]\nstage = 'off'\n"), 4, "101"),
        (
            format!("{cohort}subjects = ['hello']\n[default]\nstage = 'off'\n"),
            4,
            "phone",
        ),
        (
            format!(
                "{cohort}subjects = ['89686484488']\n[[cohort]]\nname = 'b'\nstage = 'off'\n\
                 subjects = ['+7 968 648-44-88']\n[default]\nstage = 'off'\n"
            ),
            8,
            "in `a` and in `b`",
        ),
        (
            "[default]\nstage = 'off'\n[repositories.servces]\nstage = 'off'\n".to_owned(),
            3,
            "servces",
        ),
        ("[default\n".to_owned(), 1, ""),
    ] {
        site.route(&settings)?;
        let found = eventually("this mistake shows in the status", async || {
            let refused = host.get("/v1/status").await.ok()?.json()["refused"].clone();
            (refused["line"] == line && refused["reason"].as_str()?.contains(reason)).then_some(refused)
        })
        .await;
        assert!(
            found["file"]
                .as_str()
                .is_some_and(|file| file.ends_with("routing.toml")),
            "{found}"
        );
        assert_eq!(client(&host).await?, (1, "old".to_owned()));
        site.route(ONE_WAY)?;
        eventually("the refusal is taken back", async || {
            host.get("/v1/status").await.ok()?.json()["refused"]
                .is_null()
                .then_some(())
        })
        .await;
    }
    Ok(())
}
