//! Versions of policies: pushed to a running host, on trial for some subjects, promoted, withdrawn and rolled back, and taken back by the
//! host itself if they keep failing.

use std::fs;
use std::io::Cursor;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use minisign::KeyPair;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use turnout_tests::{Answer, Host, Site, core_module, eventually, policy};

/// The phone of the subject for whom versions are tried first.
const TESTER: &str = "89990001111";

const EVERYBODY_OLD: &str = "[default]\nstage = 'dualwrite'\n";
const EVERYBODY_NEW: &str = "[default]\nstage = 'live'\n";

/// A site where everybody is on `old` and mirrored, and a host that the program's commands can reach.
async fn begin() -> Result<(Site, Host)> {
    let site = Site::set_up().await?;
    site.route(EVERYBODY_OLD)?;
    let host = site.host().await?;
    site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    Ok((site, host))
}

/// The routing policy of this build with another SHA-256: it has an additional, empty custom section.
fn another(number: u8) -> Result<Vec<u8>> {
    let mut module = fs::read(policy("routing"))?;
    module.extend([0, 2, 1, b'a' + number]);
    Ok(module)
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

async fn read(host: &Host, phone: &str) -> Result<Answer> {
    host.get(&format!("/rest/v1/clients?phone=eq.{phone}&select=id")).await
}

/// The backends that answer the tester and anybody else.
async fn backends(host: &Host) -> Result<(String, String)> {
    let (tester, other) = (read(host, TESTER).await?, read(host, "89990002222").await?);
    Ok((tester.backend().to_owned(), other.backend().to_owned()))
}

fn on(tester: &str, others: &str) -> (String, String) {
    (tester.to_owned(), others.to_owned())
}

#[tokio::test]
async fn a_version_is_tried_promoted_and_rolled_back() -> Result<()> {
    let (site, host) = begin().await?;
    let folder = site.folder();
    let (module, settings) = (folder.join("next.wasm"), folder.join("next.toml"));
    let next = another(0)?;
    fs::write(&module, &next)?;
    fs::write(&settings, EVERYBODY_NEW)?;
    let (module, settings) = (module.display().to_string(), settings.display().to_string());

    let said = site.turnout(&["policy", "push", &module, "--settings", &settings, "--subjects", TESTER])?;
    assert!(said.starts_with("epoch ") && said.ends_with(" is in force\n"), "{said}");
    assert_eq!(backends(&host).await?, on("new", "old"));
    let status = host.get("/v1/status").await?;
    assert_eq!(status.json()["trials"][0]["module"], sha256(&next));
    assert_eq!(status.json()["trials"][0]["scope"], "1 subject");
    assert!(!status.text.contains("9990001111"), "{}", status.text);
    let written = host
        .write(Method::POST, "/rest/v1/clients", &json!({"name": "x", "phone": TESTER}))
        .await?;
    assert_eq!((written.status.as_u16(), written.backend()), (201, "new"));

    site.turnout(&["policy", "promote"])?;
    assert_eq!(backends(&host).await?, on("new", "new"));
    assert_eq!(fs::read(site.policies().join("routing.wasm"))?, next);
    assert_eq!(fs::read_to_string(site.policies().join("routing.toml"))?, EVERYBODY_NEW);
    let listed = site.turnout(&["policy", "list"])?;
    assert!(
        listed.contains(&sha256(&next)) && listed.contains(" on trial for 1 subject"),
        "{listed}"
    );
    assert!(listed.contains("directory") && listed.contains("api"), "{listed}");

    let began = Instant::now();
    site.turnout(&["policy", "rollback"])?;
    assert_eq!(backends(&host).await?, on("new", "old"));
    site.turnout(&["policy", "withdraw"])?;
    assert_eq!(backends(&host).await?, on("old", "old"));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let moved_back = read(&host, TESTER).await?;
    assert_eq!(
        moved_back.json().as_array().map(Vec::len),
        Some(1),
        "{}",
        moved_back.text
    );

    site.turnout(&["policy", "activate", &sha256(&next)[..10], "--percent", "100"])?;
    assert_eq!(backends(&host).await?, on("new", "new"));
    let status = host.get("/v1/status").await?.json();
    assert_eq!(status["trials"][0]["scope"], "100 % of the subjects");
    Ok(())
}

#[tokio::test]
async fn a_trial_says_what_would_keep_it_from_promotion() -> Result<()> {
    let site = Site::set_up().await?;
    site.route("[default]\nstage = 'off'\n")?;
    let host = site.host().await?;
    site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;
    let client = json!({"name": "x", "phone": "89990002222"});
    let written = host.write(Method::POST, "/rest/v1/clients", &client).await?;
    assert_eq!((written.status.as_u16(), written.backend()), (201, "old"));
    let settings = site.folder().join("next.toml");
    let (module, file) = (policy("routing").display().to_string(), settings.display().to_string());
    for (text, obstacle) in [
        (EVERYBODY_NEW, "1 rows of clients would change hands and differ"),
        (
            "default.stage = 'off'\nrepositories.bookings.stage = 'dualwrite'\n",
            "repository bookings is mirrored and refers by foreign key to",
        ),
    ] {
        fs::write(&settings, text)?;
        let replayed = site.turnout(&["policy", "replay", &module, "--settings", &file])?;
        assert!(
            replayed.contains(&format!(
                "as things stand, it could not come into force for everybody: {obstacle}"
            )),
            "{replayed}"
        );
        let pushed = ["policy", "push", &module, "--settings", &file, "--subjects", TESTER];
        let said = site.turnout(&pushed)?;
        assert!(
            said.contains(&format!(
                "is in force\nnote: as things stand, the version on trial could not be promoted: {obstacle}"
            )),
            "{said}"
        );
        let promote = host.bare(Method::POST, "/v1/policies/promote");
        let refused = host.send(promote.header("apikey", Site::ADMIN_KEY)).await?;
        assert!(refused.text.contains(obstacle), "{}", refused.text);
        let said = site.turnout(&["policy", "withdraw"])?;
        assert!(said.ends_with(" is in force\n"), "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn a_saved_file_does_not_bring_an_ended_trial_back() -> Result<()> {
    let (site, host) = begin().await?;
    let settings = site.folder().join("next.toml");
    fs::write(&settings, EVERYBODY_NEW)?;
    let (module, settings) = (policy("routing").display().to_string(), settings.display().to_string());
    for number in 0..5 {
        site.turnout(&["policy", "push", &module, "--settings", &settings, "--percent", "100"])?;
        assert_eq!(backends(&host).await?, on("new", "new"));
        let saved = another(number)?;
        fs::write(site.policies().join("routing.wasm"), &saved)?;
        site.turnout(&["policy", "withdraw"])?;
        let status = host
            .status_with("the saved file is in force", |status| {
                status["routing"]["module"] == sha256(&saved)
            })
            .await;
        assert_eq!(status["trials"], json!([]));
        assert_eq!(backends(&host).await?, on("old", "old"));
    }
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_shipped_is_refused_and_changes_nothing() -> Result<()> {
    let (site, host) = begin().await?;
    let before = host.get("/v1/status").await?.json()["epoch"].clone();
    let hostile = site.folder().join("hostile.wasm");
    fs::write(&hostile, core_module(TRAPS, "routing")?)?;
    let hostile = hostile.display().to_string();
    for (arguments, reason) in [
        (vec!["push", hostile.as_str()], "unreachable"),
        (
            vec!["push", hostile.as_str(), "--subjects", "nobody"],
            "subject 1 of the list",
        ),
        (vec!["activate", "0123abcd"], "0123abcd"),
        (vec!["promote"], "no version is on trial"),
    ] {
        let arguments: Vec<_> = ["policy"].into_iter().chain(arguments).collect();
        let (succeeded, _, err) = site.said(&arguments)?;
        assert!(!succeeded && err.contains(reason), "{arguments:?}: {err}");
    }
    let answer = host
        .send(host.request(Method::PUT, "/v1/policies/routing").body("x"))
        .await?;
    assert_eq!(answer.status, 403, "{}", answer.text);
    let wrong_world = host
        .bare(Method::PUT, "/v1/policies/weather")
        .header("apikey", Site::ADMIN_KEY);
    let answer = host.send(wrong_world.json(&json!({}))).await?;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["code"]),
        (400, &json!("TURNOUT_REQUEST"))
    );
    assert_eq!(host.get("/v1/status").await?.json()["epoch"], before);
    assert_eq!(backends(&host).await?, on("old", "old"));
    Ok(())
}

#[tokio::test]
async fn a_shadow_version_decides_nothing_and_shows_differences() -> Result<()> {
    let (site, host) = begin().await?;
    let settings = site.folder().join("next.toml");
    fs::write(&settings, EVERYBODY_NEW)?;
    let (module, settings) = (policy("routing").display().to_string(), settings.display().to_string());
    site.turnout(&["policy", "push", &module, "--settings", &settings, "--shadow"])?;
    assert_eq!(backends(&host).await?, on("old", "old"));
    let status = host.get("/v1/status").await?;
    let trial = &status.json()["trials"][0];
    assert!(
        trial["differences"].as_u64().context("no number")? >= 2,
        "{}",
        status.text
    );
    let authority = json!({"function": "authority", "repository": "clients", "stable": "Old", "trial": "New"});
    let examples = trial["examples"].as_array().context("no examples")?;
    assert!(examples.contains(&authority), "{}", status.text);
    assert!(!status.text.contains("9990001111"), "{}", status.text);
    let metrics = host.get("/metrics").await?.text;
    assert!(
        metrics.lines().any(
            |line| line.starts_with("turnout_policy_differences_total{world=\"routing\"} ") && !line.ends_with(" 0")
        ),
        "{metrics}"
    );
    site.turnout(&["policy", "withdraw"])?;
    assert_eq!(host.get("/v1/status").await?.json()["trials"], json!([]));
    Ok(())
}

const TRAPS: &str = include_str!("../../../host/runtime/tests/fixtures/traps.wat");

/// A policy with everybody on `old` that fails only for subjects whose phone ends like the tester's. The databases have no such phone, so
/// the exam does not find the failure.
fn broken_for_the_tester() -> Result<Vec<u8>> {
    let parameters = "(param $has_subject i32) (param $text i32) (param $length i32) (result i32)";
    let last_four = "(i32.load align=1 (i32.sub (i32.add (local.get $text) (local.get $length)) (i32.const 4)))";
    let text = TRAPS.replace(
        "(param $has_subject i32) (param i32 i32) (result i32)",
        &format!(
            "{parameters} (if (i32.eqz (local.get $has_subject)) (then (return (i32.const 0))))
             (if (i32.ne {last_four} (i32.const 0x31313131)) (then (return (i32.const 0))))"
        ),
    );
    core_module(&text, "routing")
}

#[tokio::test]
async fn a_trial_broken_for_its_tester_harms_nobody_else() -> Result<()> {
    let (site, host) = begin().await?;
    let broken = site.folder().join("broken.wasm");
    fs::write(&broken, broken_for_the_tester()?)?;
    site.turnout(&["policy", "push", &broken.display().to_string(), "--subjects", TESTER])?;
    let tester = host
        .write(Method::POST, "/rest/v1/clients", &json!({"name": "x", "phone": TESTER}))
        .await?;
    assert_eq!(tester.status, 503, "{}", tester.text);
    let other = host
        .write(
            Method::POST,
            "/rest/v1/clients",
            &json!({"name": "x", "phone": "89990002222"}),
        )
        .await?;
    assert_eq!((other.status.as_u16(), other.backend()), (201, "old"), "{}", other.text);
    assert_eq!(read(&host, "89990002222").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_failing_version_is_taken_back_without_a_lost_write() -> Result<()> {
    let (site, host) = begin().await?;
    let good = fs::read(site.policies().join("routing.wasm"))?;
    let before = host.get("/v1/status").await?.json()["epoch"].as_u64();
    site.put("routing.wasm", broken_for_the_tester()?)?;
    host.status_with("the broken version is in force", |status| {
        status["epoch"].as_u64() > before
    })
    .await;
    let mut acknowledged = 0;
    let back = eventually("the tester is served again", async || {
        let other = host
            .write(Method::POST, "/rest/v1/clients", &json!({"name": "meanwhile"}))
            .await
            .ok()?;
        acknowledged += i64::from(other.status == 201);
        // The failures must be in a row: a call that succeeds begins the count anew.
        for _ in 0..20 {
            let tester = json!({"name": "x", "phone": TESTER});
            let tester = host.write(Method::POST, "/rest/v1/clients", &tester).await.ok()?;
            if tester.status == 201 {
                return Some(tester);
            }
        }
        None
    });
    assert_eq!(back.await.backend(), "old");
    let told = |alert: &Value| alert["kind"] == "policy" && alert["severity"] == "critical";
    let status = host
        .status_with("people hear of it", |status| {
            status["alerts"]
                .as_array()
                .is_some_and(|alerts| alerts.iter().any(told))
        })
        .await;
    assert_eq!(status["routing"]["module"], sha256(&good));
    assert_eq!(fs::read(site.policies().join("routing.wasm"))?, good);
    assert!(
        host.get("/metrics")
            .await?
            .text
            .contains("turnout_policy_breaker_total 1\n")
    );
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        eventually("both sides have what was acknowledged", async || {
            let rows = sqlx::query_scalar::<_, i64>("select count(*) from clients where name = 'meanwhile'");
            (rows.fetch_one(side).await.ok()? == acknowledged).then_some(())
        })
        .await;
    }
    Ok(())
}

#[tokio::test]
async fn a_host_that_slept_ships_on_top_of_the_change() -> Result<()> {
    let (site, first) = begin().await?;
    let second = site.host().await?;
    let asleep = Pid::from_raw(second.pid().try_into()?);
    kill(asleep, Signal::SIGSTOP)?;
    let put = |host: &Host, world: &str| {
        let request = host.bare(Method::PUT, &format!("/v1/policies/{world}"));
        request.header("apikey", Site::ADMIN_KEY)
    };
    let change = json!({"settings": EVERYBODY_NEW});
    let changed = first.send(put(&first, "routing").json(&change)).await?;
    assert_eq!(changed.status, 200, "{}", changed.text);
    kill(asleep, Signal::SIGCONT)?;
    let mut module = fs::read(policy("dual-write"))?;
    module.extend([0, 2, 1, b'a']);
    let push = put(&second, "dual-write").header("content-type", "application/wasm");
    let pushed = second.send(push.body(module.clone())).await?;
    assert_eq!(pushed.status, 200, "{}", pushed.text);
    assert_eq!(backends(&second).await?, on("new", "new"));
    let status = second.get("/v1/status").await?.json();
    assert_eq!(status["dual_write"]["module"], sha256(&module));
    assert_eq!(fs::read_to_string(site.policies().join("routing.toml"))?, EVERYBODY_NEW);
    Ok(())
}

#[tokio::test]
async fn with_trusted_keys_only_signed_modules_are_loaded() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(EVERYBODY_OLD)?;
    let keys = KeyPair::generate_unencrypted_keypair()?;
    let sign = |module: &[u8]| {
        minisign::sign(None, &keys.sk, Cursor::new(module), None, None).map(minisign::SignatureBox::into_string)
    };
    let trusted = format!("['{}']", keys.pk.to_base64());
    site.configure(&[("policies.trusted_keys", &trusted)])?;
    // A module that is built into the program needs no signature.
    site.put("routing.wasm", another(2)?)?;

    let (succeeded, out, err) = site.said(&["check"])?;
    assert!(
        !succeeded && format!("{out}{err}").contains("routing.wasm: it is not signed"),
        "{out}{err}"
    );
    for world in ["routing", "dual-write"] {
        let module = fs::read(site.policies().join(format!("{world}.wasm")))?;
        site.put(&format!("{world}.wasm.minisig"), sign(&module)?)?;
    }
    let host = site.host().await?;
    site.configure(&[
        ("api.listen", &format!("'{}'", host.address())),
        ("policies.trusted_keys", &trusted),
    ])?;

    let next = another(0)?;
    site.put("routing.wasm", &next)?;
    host.status_with("a module with the signature of another is refused", |status| {
        status["refused"]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("of another module"))
    })
    .await;
    assert_eq!(backends(&host).await?, on("old", "old"));
    site.put("routing.wasm.minisig", sign(&next)?)?;
    host.status_with("the signed module is in force", |status| {
        status["routing"]["module"] == sha256(&next)
    })
    .await;

    let pushed = another(1)?;
    let file = site.folder().join("pushed.wasm");
    fs::write(&file, &pushed)?;
    let file = file.display().to_string();
    let (succeeded, _, err) = site.said(&["policy", "push", &file])?;
    assert!(!succeeded && err.contains("it is not signed"), "{err}");
    fs::write(site.folder().join("pushed.wasm.minisig"), sign(&pushed)?)?;
    site.turnout(&["policy", "push", &file])?;
    assert_eq!(
        host.get("/v1/status").await?.json()["routing"]["module"],
        sha256(&pushed)
    );
    site.turnout(&["policy", "rollback"])?;
    assert_eq!(host.get("/v1/status").await?.json()["routing"]["module"], sha256(&next));
    Ok(())
}

#[tokio::test]
async fn a_past_epoch_is_shown_compared_and_brought_back() -> Result<()> {
    let (site, host) = begin().await?;
    let (old, new) = (EVERYBODY_OLD.trim_end(), EVERYBODY_NEW.trim_end());
    let first = host.get("/v1/status").await?.json()["epoch"]
        .as_u64()
        .context("an epoch")?;
    site.turnout(&["policy", "activate", &sha256(&fs::read(policy("routing"))?)[..8]])?;
    let settings = site.folder().join("next.toml");
    fs::write(&settings, format!("# for everybody\n{EVERYBODY_NEW}"))?;
    let (module, settings) = (policy("routing").display().to_string(), settings.display().to_string());
    site.turnout(&["policy", "push", &module, "--settings", &settings])?;
    let second = host.get("/v1/status").await?.json()["epoch"]
        .as_u64()
        .context("an epoch")?;
    let (first, second) = (first.to_string(), second.to_string());

    let shown = site.turnout(&["policy", "show", &first])?;
    for words in [
        format!("epoch {first}  "),
        "routing  turnout-routing 0.1.0\n".into(),
        sha256(&fs::read(policy("dual-write"))?),
        old.replace('\n', "\n    "),
    ] {
        assert!(shown.contains(&words), "{words} is not in {shown}");
    }
    let diff = site.turnout(&["policy", "diff", &first, &second])?;
    let (old_stage, new_stage) = (
        old.lines().last().unwrap_or_default(),
        new.lines().last().unwrap_or_default(),
    );
    assert_eq!(
        diff,
        format!(
            "--- routing.toml, epoch {first}\n+++ routing.toml, epoch {second}\n\
             @@ -1,2 +1,3 @@\n+# for everybody\n [default]\n-{old_stage}\n+{new_stage}\n"
        )
    );

    site.turnout(&["policy", "activate", "--epoch", &first])?;
    assert_eq!(backends(&host).await?, on("old", "old"));
    for (arguments, reason) in [
        (["activate", "--epoch", "999"], "epoch 999 is not kept"),
        (["show", "999", "--"], "epoch 999 is not kept"),
        (["activate", "0123abc", "--"], "the first 8 or more digits"),
        (["activate", "not-hexadecimal", "--"], "the first 8 or more digits"),
    ] {
        let arguments: Vec<_> = ["policy"].into_iter().chain(arguments).collect();
        let (succeeded, _, err) = site.said(&arguments)?;
        assert!(!succeeded && err.contains(reason), "{arguments:?}: {err}");
    }
    Ok(())
}

#[tokio::test]
async fn repeated_sets_push_no_other_out_of_the_record() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, _) = site.databases().await?;
    let record = async |epoch: i64, module: &str, who: &str, kept: i32, bytes: i64| {
        let world = |module: &str| json!({"module": module, "settings": "stage = 'off'\n", "who": who});
        let set = json!({"routing": world(module), "dual_write": world("both")}).to_string();
        sqlx::query(
            "select turnout.record_epoch($1, $2::json, null, '{}', array[convert_to($3, 'UTF8')], false, $4, $5)",
        )
        .bind(epoch)
        .bind(set)
        .bind(format!("bytes of {module}"))
        .bind(kept)
        .bind(bytes)
        .execute(&old)
        .await?;
        sqlx::query("select turnout.release_epoch($1)")
            .bind(epoch)
            .execute(&old)
            .await?;
        anyhow::Ok(())
    };
    let epochs = async || -> Result<Vec<i64>> {
        Ok(
            sqlx::query_scalar("select epoch from turnout.epoch order by epoch limit 3")
                .fetch_all(&old)
                .await?,
        )
    };
    record(1, "first", "a", 10, 1 << 30).await?;
    for epoch in 2..=102 {
        record(epoch, "other", &format!("person {epoch}"), 10, 1 << 30).await?;
    }
    // These are the last 50 released sets, and the last epoch of each other set. The newest set was not released when it was recorded.
    assert_eq!(epochs().await?, [1, 52, 53]);
    record(103, "other", "b", 1, 1 << 30).await?;
    assert_eq!(epochs().await?, [53, 54, 55], "one distinct set is kept");
    record(104, "third", "b", 10, 1).await?;
    assert_eq!(epochs().await?, [54, 55, 56], "what does not fit goes");
    Ok(())
}
