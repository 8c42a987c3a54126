//! What a host shows of itself, and what it must not show.

use std::fs;

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use turnout_tests::{Host, Site, eventually};

/// The value of a sample in Prometheus' text; 0 if the sample is not there.
fn sample(metrics: &str, name: &str) -> f64 {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_default()
}

/// The log lines of a host about operations.
fn operations(host: &Host) -> Vec<Value> {
    let log = host.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == "operation").collect()
}

#[tokio::test]
async fn every_operation_has_one_log_line_without_personal_data() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("log.format", "'json'")])?;
    let host = Host::start(&site.config(), &[("TURNOUT_LOG", "debug")]).await?;
    let post = json!({"name": "Секретова Анна", "phone": "89997654321", "email": "secret@example.com",
                      "notes": "secret note"});
    let mut answers = Vec::new();
    for path in [
        "clients?phone=eq.89686484488",
        "clients?phone=eq.%2B7%20999%20765-43-21&select=name",
        "clients?name=ilike.*Секретова*",
        "clients?email=eq.secret@example.com&order=nme",
        "clients?id=eq.secretvalue",
    ] {
        answers.push(host.get(&format!("/rest/v1/{path}")).await?);
    }
    answers.push(host.write(Method::POST, "/rest/v1/clients", &post).await?);
    answers.push(host.write(Method::POST, "/rest/v1/clients", &post).await?);
    answers.push(
        host.write(
            Method::PATCH,
            "/rest/v1/clients?phone=eq.89997654321",
            &json!({"notes": "secret note"}),
        )
        .await?,
    );
    let named = host
        .request(Method::GET, "/rest/v1/clients?id=eq.2")
        .header("x-turnout-subject", "+79997654321");
    answers.push(host.send(named).await?);
    answers.push(
        host.write(Method::DELETE, "/rest/v1/clients?phone=eq.89997654321", &json!({}))
            .await?,
    );
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [200, 200, 200, 400, 400, 201, 409, 200, 200, 200]);

    let lines = eventually("every operation is logged", async || {
        let lines = operations(&host);
        (lines.len() >= answers.len()).then_some(lines)
    })
    .await;
    let logged: Vec<_> = lines
        .iter()
        .map(|line| line["operation"].as_str().unwrap_or_default())
        .collect();
    let told: Vec<_> = answers
        .iter()
        .map(|answer| answer.header("x-turnout-operation"))
        .collect();
    assert_eq!(logged, told);
    for (line, answer) in lines.iter().zip(&answers) {
        assert_eq!(
            (&line["level"], &line["repository"]),
            (&json!("DEBUG"), &json!("clients")),
            "{line}"
        );
        assert_eq!(line["backend"], answer.backend(), "{line}");
    }
    let actions: Vec<_> = lines
        .iter()
        .map(|line| line["action"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(actions[4..8], ["find", "insert", "insert", "update"]);

    let seen = [
        ("log", host.log()),
        ("metrics", host.get("/metrics").await?.text),
        ("status", host.get("/v1/status").await?.text),
    ];
    let password = |url: &str| {
        let (user, _) = url.split_once('@').unwrap_or_default();
        user.rsplit_once(':')
            .map(|(_, password)| password.to_owned())
            .unwrap_or_default()
    };
    let (old, new) = (password(site.old.url()), password(site.new.url()));
    assert!(old.len() > 8 && new.len() > 8);
    for secret in [
        "9686484488",
        "9997654321",
        "765-43-21",
        "Секретова",
        "secret",
        &old,
        &new,
        Site::KEY,
        Site::ADMIN_KEY,
    ] {
        for (place, text) in &seen {
            let line = text.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} is in the {place}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_metrics_move_with_what_happens() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let metrics = async || anyhow::Ok(host.get("/metrics").await?.text);
    host.status_with("both sides are compared", |status| {
        status["converging"] == json!([]) && status["mirror"]["old"] != Value::Null
    })
    .await;
    for _ in 0..3 {
        host.get("/rest/v1/clients?id=eq.2").await?;
    }
    host.get("/rest/v1/clients?phone=eq.89686484488").await?;
    host.get("/rest/v1/clients?id=eq.x").await?;
    host.write(Method::PATCH, "/rest/v1/services?id=eq.1", &json!({"minutes": 61}))
        .await?;
    let text = metrics().await?;
    for (name, value) in [
        (
            r#"turnout_operation_duration_seconds_count{repository="clients",action="find",backend="old"}"#,
            4.0,
        ),
        (
            r#"turnout_operation_duration_seconds_count{repository="clients",action="find",backend="new"}"#,
            1.0,
        ),
        (
            r#"turnout_operation_duration_seconds_count{repository="services",action="update",backend="old"}"#,
            1.0,
        ),
        (
            r#"turnout_operation_errors_total{repository="clients",action="find",backend="old",kind="database"}"#,
            1.0,
        ),
        // Every operation asks for admission and authority. A read then asks for its plan. A write asks whether and how it is mirrored, and
        // for its alerts. The test phone's read also asks whether the side of its fallback is kept equal,
        // and once more because its stage has reads compared.
        (r#"turnout_policy_duration_seconds_count{world="routing"}"#, 20.0),
        (r#"turnout_policy_duration_seconds_count{world="dual-write"}"#, 2.0),
        (r#"turnout_policy_failures_total{world="routing",why="time"}"#, 0.0),
        // The first set comes into force like any other.
        (r#"turnout_policy_reloads_total{result="accepted"}"#, 0.0),
        (r#"turnout_policy_reloads_total{result="refused"}"#, 0.0),
        ("turnout_epoch", 1.0),
    ] {
        assert!(
            (sample(&text, name) - value).abs() < f64::EPSILON,
            "{name} is not {value}:\n{text}"
        );
    }
    let series = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
    assert_eq!(
        series("turnout_operation_duration_seconds_count{"),
        3,
        "only what was used: {text}"
    );
    let seconds = r#"turnout_operation_duration_seconds_sum{repository="clients",action="find",backend="old"}"#;
    assert!(sample(&text, seconds) > 0.0, "{text}");
    for world in ["routing", "dual-write"] {
        let seconds = format!("turnout_policy_duration_seconds_sum{{world=\"{world}\"}}");
        assert!(sample(&text, &seconds) > 0.0, "{text}");
    }

    site.route("[default]\nstage = 'off'\n")?;
    eventually("the accepted reload is counted", async || {
        let text = metrics().await.ok()?;
        let accepted = sample(&text, r#"turnout_policy_reloads_total{result="accepted"}"#);
        (accepted > 0.5 && sample(&text, "turnout_epoch") > 1.5).then_some(())
    })
    .await;
    fs::write(site.policies().join("routing.wasm"), "no module")?;
    eventually("the refused reload is counted", async || {
        let refused = sample(
            &metrics().await.ok()?,
            r#"turnout_policy_reloads_total{result="refused"}"#,
        );
        (refused > 0.5).then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn every_answer_says_how_it_came_about() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let mut seen = Vec::new();
    for path in [
        "clients?id=eq.2",
        "clients?id=eq.x",
        "services?id=eq.1",
        "clients?phone=eq.89686484488",
    ] {
        let answer = host.get(&format!("/rest/v1/{path}")).await?;
        let timing = answer.header("server-timing").to_owned();
        for (part, name) in timing.split(", ").zip(["policy", "database"]) {
            let milliseconds = part.strip_prefix(name).and_then(|part| part.strip_prefix(";dur="));
            let milliseconds: f64 = milliseconds.and_then(|text| text.parse().ok()).unwrap_or(-1.0);
            assert!((0.0..5000.0).contains(&milliseconds), "{timing}");
        }
        assert_eq!(timing.split(", ").count(), 2, "{timing}");
        assert_eq!(answer.header("x-turnout-epoch"), "1", "{path}");
        assert!(["old", "new"].contains(&answer.backend()), "{path}");
        seen.push(answer.header("x-turnout-operation").to_owned());
    }
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), seen.contains(&String::new())), (4, false), "{seen:?}");
    Ok(())
}
