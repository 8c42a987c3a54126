//! Policies that trap, hang or lie in the directory of a running host.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use reqwest::Method;
use serde_json::{Value, json};
use turnout_tests::{Answer, Host, Site, core_module, eventually, policy};

const CLIENT: &str = "/rest/v1/clients?phone=eq.89686484488&select=id";

/// A phone that no row of either database has.
const STRANGER: &str = "89990001111";
/// A failing policy is stopped after 50 ms of CPU time, which may take far longer on a busy machine.
const SOON: Duration = Duration::from_secs(1);

/// Policies that never decide the authority, and why they are stopped.
const UNDECIDED: [(&str, &str); 5] = [
    (
        include_str!("../../../host/runtime/tests/fixtures/endless_loop.wat"),
        "50 ms of CPU time",
    ),
    (
        include_str!("../../../host/runtime/tests/fixtures/eats_memory.wat"),
        "memory",
    ),
    (
        include_str!("../../../host/runtime/tests/fixtures/traps.wat"),
        "unreachable",
    ),
    (
        include_str!("../../../host/runtime/tests/fixtures/lies.wat"),
        "discriminant",
    ),
    (
        include_str!("../../../host/runtime/tests/fixtures/recurses.wat"),
        "stack",
    ),
];

/// A dual-write policy that behaves.
const DUAL_WRITE: &str = include_str!("../../../host/runtime/tests/fixtures/dual_write.wat");

/// The same policy, except that it fails only for subjects whose phone ends like the stranger's. So the exam does not find the failure
/// before the policy is in force.
fn cunning(policy: &str) -> String {
    let parameters = "(param $has_subject i32) (param $text i32) (param $length i32) (result i32)";
    let last_four = "(i32.load align=1 (i32.sub (i32.add (local.get $text) (local.get $length)) (i32.const 4)))";
    let ones = "(i32.const 0x31313131)";
    policy.replace(
        "(param $has_subject i32) (param i32 i32) (result i32)",
        &format!(
            "{parameters} (if (i32.eqz (local.get $has_subject)) (then (return (i32.const 0))))
             (if (i32.ne {last_four} {ones}) (then (return (i32.const 0))))"
        ),
    )
}

async fn status(host: &Host) -> Result<Value> {
    Ok(host.get("/v1/status").await?.json())
}

/// Waits until another module than the one in the status `before` is in force.
async fn taken(host: &Host, before: &Value) -> Value {
    eventually("the other module is in force", async || {
        let status = status(host).await.ok()?;
        (status["epoch"] != before["epoch"]).then_some(status)
    })
    .await
}

async fn write(host: &Host) -> Result<Answer> {
    host.write(Method::PATCH, CLIENT, &json!({"notes": "x"})).await
}

/// Inserts the stranger.
async fn welcome(host: &Host) -> Result<Answer> {
    let stranger = json!({"name": "x", "phone": STRANGER});
    host.write(Method::POST, "/rest/v1/clients", &stranger).await
}

/// Puts the good policy back, and waits until it decides again.
async fn recover(site: &Site, host: &Host) -> Result<()> {
    site.put("routing.wasm", fs::read(policy("routing"))?)?;
    eventually("the good policy decides again", async || {
        let answer = host.get(CLIENT).await.ok()?;
        (answer.status == 200 && answer.backend() == "new").then_some(())
    })
    .await;
    let answer = write(host).await?;
    assert_eq!(
        (answer.status.as_u16(), answer.backend()),
        (200, "new"),
        "{}",
        answer.text
    );
    Ok(())
}

/// The memory of a host's process, in bytes.
fn memory(host: &Host) -> Result<usize> {
    let pages = fs::read_to_string(format!("/proc/{}/statm", host.pid()))?;
    let resident: usize = pages.split(' ').nth(1).context("no resident memory")?.parse()?;
    Ok(resident * 4096)
}

fn assert_undecided(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(answer.json()["code"], "TURNOUT_UNAVAILABLE");
    assert_eq!((answer.header("retry-after"), answer.backend()), ("1", ""));
}

#[tokio::test]
async fn an_undecided_write_is_refused() -> Result<()> {
    // One instance of `eats_memory` has more than this when it is stopped.
    const MOST: usize = 12 << 20;
    let site = Site::set_up().await?;
    // Otherwise the circuit breaker would bring the good policy back, even in place of the next file.
    site.configure(&[("policies.breaker_failures", "1000"), ("policies.breaker_rate", "1.0")])?;
    let host = site.host().await?;
    let (old, new) = site.databases().await?;
    let stranger = format!("/rest/v1/clients?phone=eq.{STRANGER}");
    let round = async || {
        for (hostile, _) in UNDECIDED {
            let before = status(&host).await?;
            site.put("routing.wasm", core_module(&cunning(hostile), "routing")?)?;
            taken(&host, &before).await;
            for _ in 0..3 {
                let began = Instant::now();
                assert_undecided(&welcome(&host).await?);
                assert!(began.elapsed() < SOON, "{:?} for {hostile}", began.elapsed());
            }
            for database in [&old, &new] {
                let written: i64 = sqlx::query_scalar("select count(*) from clients where phone = $1")
                    .bind(STRANGER)
                    .fetch_one(database)
                    .await?;
                assert_eq!(written, 0);
            }
            // These policies plan reads well. Reads succeed once the handoff is over, because no authority is asked for then.
            eventually("the stranger is read", async || {
                let read = host.get(&stranger).await.ok()?;
                (read.status == 200 && read.backend() == "old" && read.json() == json!([])).then_some(())
            })
            .await;
            recover(&site, &host).await?;
        }
        anyhow::Ok(())
    };
    // The first round uses every part once, so that later rounds allocate nothing new.
    round().await?;
    let before = memory(&host)?;
    for _ in 0..2 {
        round().await?;
    }
    let after = memory(&host)?;
    assert!(after < before + MOST, "from {before} to {after} bytes");
    let failures = host.get("/metrics").await?.text;
    assert!(
        !failures.contains("policy_failures_total{world=\"routing\",why=\"trap\"} 0\n"),
        "{failures}"
    );
    Ok(())
}

#[tokio::test]
async fn a_policy_that_fails_for_one_known_subject_is_refused() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    assert_eq!(welcome(&host).await?.status, 201);
    for (hostile, reason) in UNDECIDED {
        site.put("routing.wasm", core_module(&cunning(hostile), "routing")?)?;
        eventually("the refusal shows in the status", async || {
            let refused = status(&host).await.ok()?["refused"].clone();
            refused["reason"].as_str()?.contains(reason).then_some(())
        })
        .await;
        let answer = write(&host).await?;
        assert_eq!((answer.status.as_u16(), answer.backend()), (200, "new"), "{reason}");
        assert_eq!(answer.header("x-turnout-epoch"), "1", "{reason}");
    }
    Ok(())
}

#[tokio::test]
async fn a_module_that_is_no_policy_is_refused() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let wasi = include_str!("../../../host/runtime/tests/fixtures/imports_wasi.wat");
    let wrong_world = include_str!("../../../host/runtime/tests/fixtures/wrong_world.wat");
    let fickle = include_str!("../../../host/runtime/tests/fixtures/fickle.wat");
    let endless_configure = include_str!("../../../host/runtime/tests/fixtures/endless_configure.wat");
    let mut modules = Vec::new();
    for (hostile, reason) in UNDECIDED {
        modules.push((core_module(hostile, "routing")?, reason));
    }
    modules.extend([
        (core_module(wasi, "routing")?, "wasi_snapshot_preview1::fd_write"),
        (core_module(wrong_world, "policy")?, "`admit`"),
        (core_module(fickle, "routing")?, "answers the same question"),
        (core_module(endless_configure, "routing")?, "100 ms of CPU time"),
        (b"not a module at all".to_vec(), "WebAssembly"),
        (Vec::new(), "WebAssembly"),
        (vec![0; (16 << 20) + 1], "16777216 are allowed"),
    ]);
    for (module, reason) in modules {
        site.put("routing.wasm", module)?;
        let refused = eventually("the refusal shows in the status", async || {
            let refused = status(&host).await.ok()?["refused"].clone();
            (!refused.is_null()).then_some(refused)
        })
        .await;
        assert!(
            refused["reason"].as_str().is_some_and(|text| text.contains(reason)),
            "{reason}: {refused}"
        );
        assert!(
            refused["file"]
                .as_str()
                .is_some_and(|file| file.ends_with("routing.wasm")),
            "{refused}"
        );
        let answer = write(&host).await?;
        assert_eq!((answer.status.as_u16(), answer.backend()), (200, "new"), "{reason}");
        assert_eq!(answer.header("x-turnout-epoch"), "1", "{reason}");
        recover(&site, &host).await?;
        eventually("the refusal is taken back", async || {
            status(&host).await.ok()?["refused"].is_null().then_some(())
        })
        .await;
    }
    let metrics = host.get("/metrics").await?;
    let too_large = "turnout_policy_too_large_total{world=\"routing\"} 1\n";
    assert!(metrics.text.contains(too_large), "{}", metrics.text);
    Ok(())
}

#[tokio::test]
async fn an_undecided_read_is_answered_as_configured() -> Result<()> {
    let site = Site::set_up().await?;
    let read = "(func (export \"read\") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)";
    let good = include_str!("../../../host/runtime/tests/fixtures/good.wat");
    let (before, mirrored) = good.split_once("(export \"mirrored\")").context("no such export")?;
    // Bookings refer to rows without a subject, so those must be mirrored too.
    let mirrored = mirrored.replacen("(local.get $has_subject))", "(i32.const 1))", 1);
    let traps_at_reads = format!("{before}(export \"mirrored\"){mirrored}")
        .replace(read, &format!("{read} (if (local.get 2) (then unreachable))"));
    site.put("routing.wasm", core_module(&traps_at_reads, "routing")?)?;
    for (undecided, answering) in [("refuse", None), ("old", Some("old")), ("new", Some("new"))] {
        site.configure(&[("policies.undecided_reads", &format!("'{undecided}'"))])?;
        let host = site.host().await?;
        let read = host.get(CLIENT).await?;
        match answering {
            None => assert_undecided(&read),
            Some(backend) => assert_eq!((read.status.as_u16(), read.backend()), (200, backend)),
        }
        assert_eq!(write(&host).await?.backend(), "new", "writes are decided");
        host.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_module_that_is_no_dual_write_policy_is_refused() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let traps_at = |export: &str| {
        let head = format!("(func (export \"{export}\")");
        let (before, after) = DUAL_WRITE.split_once(&head).context("no such export")?;
        let (signature, body) = after.split_once("(result i32)").context("no result")?;
        core_module(
            &format!("{before}{head}{signature}(result i32) unreachable {body}"),
            "dual-write",
        )
    };
    let routing = fs::read(policy("routing"))?;
    for (module, reason) in [
        (traps_at("mirror")?, "`mirror`"),
        (traps_at("retry")?, "`retry`"),
        (traps_at("settle")?, "`settle`"),
        (routing, "no policy of the world `dual-write`"),
    ] {
        site.put("dual-write.wasm", module)?;
        eventually("the refusal shows in the status", async || {
            let refused = status(&host).await.ok()?["refused"].clone();
            let (file, said) = (refused["file"].as_str()?, refused["reason"].as_str()?);
            (file.ends_with("dual-write.wasm") && said.contains(reason)).then_some(())
        })
        .await;
        let answer = write(&host).await?;
        assert_eq!((answer.status.as_u16(), answer.header("x-turnout-epoch")), (200, "1"));
    }
    let before = status(&host).await?;
    site.put("dual-write.wasm", core_module(DUAL_WRITE, "dual-write")?)?;
    let status = taken(&host, &before).await;
    assert_eq!((&status["epoch"], &status["refused"]), (&json!(2), &Value::Null));
    assert_eq!(status["dual_write"]["name"], "dual-write");
    Ok(())
}

#[tokio::test]
async fn a_policy_that_is_no_regular_file_is_refused() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let path = site.policies().join("routing.wasm");
    let refused = async |reason: &str| {
        host.status_with("the change is refused", |status| {
            status["refused"]["reason"]
                .as_str()
                .is_some_and(|said| said.contains(reason))
        })
        .await;
        recover(&site, &host).await?;
        host.status_with("the refusal is taken back", |status| status["refused"].is_null())
            .await;
        anyhow::Ok(())
    };
    fs::remove_file(&path)?;
    mkfifo(&path, Mode::S_IRWXU)?;
    refused("no regular file").await?;
    fs::remove_file(&path)?;
    symlink("/dev/zero", &path)?;
    refused("no regular file").await?;
    fs::remove_file(&path)?;
    fs::File::create(&path)?.set_len(2 << 30)?;
    refused("2147483648 bytes, and 16777216 are allowed").await?;
    host.stop().await
}
