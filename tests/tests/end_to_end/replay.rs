//! Recorded operations are replayed through another policy, by the host that recorded them, and from a file without a host.

use std::fs;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use turnout_tests::{Host, Site, policy};

/// A phone that the settings list, and another that they do not list.
const TESTER: &str = "89990001111";
const OTHER: &str = "89990002222";

const TESTER_LIVE: &str = "cohort = [{ name = 'tester', subjects = ['89990001111'], stage = 'live' }]\n\
                           default.stage = 'off'\n";
/// The cohorts change places, and one repository moves by a setting of its own.
const TESTER_OFF: &str = "cohort = [{ name = 'tester', subjects = ['89990001111'], stage = 'off' }]\n\
                          default.stage = 'dualwrite'\nrepositories.services.stage = 'shadow'\n";

/// A site and its host, which has recorded reads and writes of the tester's rows and reads of others' rows.
async fn recorded(configuration: &[(&str, &str)]) -> Result<(Site, Host)> {
    let site = Site::set_up().await?;
    site.configure(configuration)?;
    site.route(TESTER_LIVE)?;
    let host = site.host().await?;
    let address = format!("'{}'", host.address());
    site.configure(&[configuration, &[("api.listen", &address)]].concat())?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    for (path, backend) in [
        (format!("clients?phone=eq.{TESTER}&select=id"), "new"),
        (format!("clients?phone=eq.{OTHER}&select=id"), "old"),
        ("services?select=id".to_owned(), "old"),
    ] {
        assert_eq!(
            host.get(&format!("/rest/v1/{path}")).await?.backend(),
            backend,
            "{path}"
        );
    }
    let written = host
        .write(Method::POST, "/rest/v1/clients", &json!({"name": "x", "phone": TESTER}))
        .await?;
    assert_eq!((written.status.as_u16(), written.backend()), (201, "new"));
    Ok((site, host))
}

/// Writes settings and the host's recording beside the configuration. Returns the arguments of `turnout` that replay them.
fn files(site: &Site) -> Result<(Vec<String>, Vec<String>)> {
    let file = |name: &str, content: &str| {
        let path = site.folder().join(name);
        fs::write(&path, content)?;
        anyhow::Ok(path.display().to_string())
    };
    let settings = file("next.toml", TESTER_OFF)?;
    let recording = file("recorded.ndjson", &site.turnout(&["policy", "recording"])?)?;
    let module = policy("routing").display().to_string();
    let by_host = ["policy", "replay", &module, "--settings", &settings];
    let by_file = [&by_host[..], &["--against", &recording]].concat();
    let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    Ok((owned(&by_host), owned(&by_file)))
}

fn run(site: &Site, arguments: &[String]) -> Result<String> {
    site.turnout(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The expected output of a replay of the operations of [`recorded`], with the subjects' names in the recording.
fn expected(tester: &str, other: &str) -> String {
    let such_as = |name: &str| match name.strip_prefix('+') {
        Some(_phone) => String::new(),
        None => format!(", such as {name}"),
    };
    let (tester, other) = (such_as(tester), such_as(other));
    format!(
        "4 recorded operations, 4 decided otherwise
at live, clients: 2 operations of 1 subject, 2 decided otherwise
  stage: live → off  (find, insert: 2 operations of 1 subject{tester})
  authority: new → old  (find, insert: 2 operations of 1 subject{tester})
  mirrored: true → false  (find, insert: 2 operations of 1 subject{tester})
  read: {{compare: 10000, fallback: old, primary: new}} → {{compare: 0, fallback: none, primary: old}}  \
         (find: 1 operation of 1 subject{tester})
at off, clients: 1 operation of 1 subject, 1 decided otherwise
  stage: off → dualwrite  (find: 1 operation of 1 subject{other})
  mirrored: false → true  (find: 1 operation of 1 subject{other})
  read: {{compare: 0, fallback: none, primary: old}} → {{compare: 0, fallback: new, primary: old}}  \
         (find: 1 operation of 1 subject{other})
at off, services: 1 operation of no subject, 1 decided otherwise
  stage: off → shadow  (find: 1 operation of no subject)
  mirrored: false → true  (find: 1 operation of no subject)
  read: {{compare: 0, fallback: none, primary: old}} → {{compare: 10000, fallback: new, primary: old}}  \
         (find: 1 operation of no subject)
"
    )
}

#[tokio::test]
async fn a_recording_is_replayed_without_a_host() -> Result<()> {
    let (site, host) = recorded(&[]).await?;
    let (by_host, by_file) = files(&site)?;
    let text = fs::read_to_string(by_file.last().context("no file")?)?;
    assert!(!text.contains("999000"), "no phone is in {text}");
    let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let name = |line: usize| lines[line]["subject"].as_str().context("no subject");
    let (tester, other) = (name(0)?, name(1)?);
    assert_eq!(
        lines[3],
        json!({
            "repository": "clients", "action": "insert", "subject": tester, "stage": "live",
            "decision": {"admit": "admit", "authority": "new", "mirrored": true, "mirror": "async"},
        })
    );
    let shown = run(&site, &by_host)?;
    assert_eq!(shown, expected(tester, other), "by the host");

    host.stop().await?;
    let listed = "2 subjects recorded by a hash: 1 recognised as listed in the settings, 1 asked as 1000 made-up ones; \
                  percentages show where the answer depends on the subject\n";
    assert_eq!(run(&site, &by_file)?, format!("{shown}{listed}"));

    site.put("../next.toml", TESTER_LIVE)?;
    let same = run(&site, &by_file)?;
    assert!(
        same.starts_with(
            "4 recorded operations, none decided otherwise\nat live, clients: 2 operations of 1 subject, 0 "
        ),
        "{same}"
    );

    let neither = "cohort = [{ name = 'half', percent = 50, stage = 'shadow' }]\ndefault.stage = 'dualwrite'\n";
    site.put("../next.toml", neither)?;
    let changed = run(&site, &by_file)?;
    let shares = format!(
        "\n  stage: off → dualwrite for 50.9 %, shadow for 49.1 %  (find: 1 operation of 1 subject, such as {other})\n"
    );
    assert!(
        changed.contains(&shares) && !changed.contains("may or may not"),
        "{changed}"
    );

    // Only the file of the recording is left.
    fs::remove_file(site.config())?;
    site.put("../next.toml", TESTER_LIVE)?;
    let alone = run(&site, &by_file)?;
    assert!(
        alone.contains("0 recognised as listed") && alone.contains("TURNOUT_ADMIN_KEY"),
        "{alone}"
    );
    Ok(())
}

#[tokio::test]
async fn a_replayed_percentage_counts_no_uncertain_change() -> Result<()> {
    let (site, host) = recorded(&[]).await?;
    let halves = site.folder().join("halves.toml");
    fs::write(
        &halves,
        "cohort = [{ name = 'half', percent = 50, stage = 'live' }]\ndefault.stage = 'dualwrite'\n",
    )?;
    let halves = halves.display().to_string();
    let module = policy("routing").display().to_string();
    site.turnout(&["policy", "push", &module, "--settings", &halves])?;
    let (_, mut by_file) = files(&site)?;
    host.stop().await?;
    by_file[4] = halves;
    let same = run(&site, &by_file)?;
    assert!(
        same.starts_with("4 recorded operations, none decided otherwise\n")
            && same.ends_with(
                "\n3 operations of subjects known only by a hash may or may not be decided otherwise \
                 (stage: dualwrite for 50.9 %, live for 49.1 %)\n"
            ),
        "{same}"
    );
    Ok(())
}

#[tokio::test]
async fn a_recording_with_clear_subjects_is_replayed_exactly() -> Result<()> {
    let (site, host) = recorded(&[("recording.clear_subjects", "true")]).await?;
    let (by_host, by_file) = files(&site)?;
    let shown = run(&site, &by_host)?;
    host.stop().await?;
    assert_eq!(run(&site, &by_file)?, shown);
    assert_eq!(shown, expected("+79990001111", "+79990002222"));

    let recording = by_file.last().context("no file")?;
    let text = fs::read_to_string(recording)?;
    for (from, to, words) in [
        ("\"action\"", "\"deed\"", "recorded.ndjson:1: this is no operation that"),
        ("\"insert\"", "\"look\"", "recorded.ndjson:4: there is no action `look`"),
        ("\"services\"", "\"service\"", "serves no repository `service`"),
    ] {
        fs::write(recording, text.replace(from, to))?;
        let (succeeded, _, err) = site.said(&by_file.iter().map(String::as_str).collect::<Vec<_>>())?;
        assert!(!succeeded && err.contains(words), "{words} is not in {err}");
    }
    Ok(())
}

#[tokio::test]
async fn a_dual_write_policy_is_asked_about_recorded_writes() -> Result<()> {
    let (site, host) = recorded(&[]).await?;
    let (_, mut by_file) = files(&site)?;
    host.stop().await?;
    by_file[2] = policy("dual-write").display().to_string();
    site.put("../next.toml", "mirror = 'off'\n")?;
    let shown = run(&site, &by_file)?;
    assert!(
        shown.starts_with(
            "4 recorded operations, 1 decided otherwise\n\
             at live, clients: 2 operations of 1 subject, 1 decided otherwise\n  \
             mirror: async → off  (insert: 1 operation of 1 subject, such as "
        ),
        "{shown}"
    );
    Ok(())
}
