//! The state of the mirror in `turnout status`, and what a person does about parked keys.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use turnout_tests::{Host, Site, eventually};

/// The second failed attempt parks a key. A write waits until then.
const DUAL_WRITE: &str =
    "mirror = 'sync'\nsync_bound_ms = 5000\n[retry]\nfirst_ms = 1\npark_after = 2\npark_age_ms = 0\n";

const PHONE: &str = "89990001122";

/// The state of the mirror for the clients that are changed on a side.
fn clients<'s>(status: &'s Value, source: &str) -> &'s Value {
    let repositories = status["mirror"][source]["repositories"].as_array();
    let found = repositories.and_then(|all| all.iter().find(|one| one["repository"] == "clients"));
    found.unwrap_or(&Value::Null)
}

/// A site whose clients are mirrored from `old` to `new`, and a host on it. A client of `old` has a phone that another client has on `new`,
/// so its key is parked.
async fn with_a_parked_client() -> Result<(Site, Host)> {
    let site = Site::set_up().await?;
    site.route("[default]\nstage = 'dualwrite'\n")?;
    site.put("dual-write.toml", DUAL_WRITE)?;
    let host = site.host().await?;
    site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;
    host.status_with("both sides are compared", |status| {
        status["converging"] == json!([]) && clients(status, "old")["dirty"] == 0
    })
    .await;
    let (_, new) = site.databases().await?;
    sqlx::query("insert into clients (id, name, phone) values (900001, 'In the way', $1)")
        .bind(PHONE)
        .execute(&new)
        .await?;
    let written = host
        .write(
            Method::POST,
            "/rest/v1/clients",
            &json!({"name": "Comes later", "phone": PHONE}),
        )
        .await?;
    assert_eq!(
        (written.status.as_u16(), written.header("x-turnout-mirror")),
        (201, "parked")
    );
    Ok((site, host))
}

#[tokio::test]
async fn status_and_metrics_show_the_mirror_without_personal_data() -> Result<()> {
    let (site, host) = with_a_parked_client().await?;
    let status = host
        .status_with("the parked key is seen", |status| {
            clients(status, "old")["parked"] == 1 && clients(status, "new")["diverged"] == 1
        })
        .await;
    assert_eq!(status["mirror"]["old"]["at_work"], true);
    host.status_with("an alert says that keys are parked", |status| {
        let alerts = status["alerts"].as_array();
        let says = |alert: &Value| alert["message"].as_str().is_some_and(|text| text.contains("parked"));
        alerts.is_some_and(|alerts| alerts.iter().any(says))
    })
    .await;
    assert_eq!(
        status["mirror"]["old"]["parked"],
        json!([{"repository": "clients", "sqlstate": "23505", "reason": "table clients: constraint clients_phone_key",
                "keys": 1, "attempts": 2}])
    );
    let alerts = status["alerts"].as_array();
    let alert = alerts.and_then(|alerts| alerts.iter().find(|alert| alert["kind"] == "parked"));
    let alert = alert.unwrap_or(&Value::Null);
    assert_eq!(
        (
            &alert["severity"],
            &alert["kind"],
            &alert["repository"],
            &alert["backend"]
        ),
        (&json!("critical"), &json!("parked"), &json!("clients"), &json!("old"))
    );
    assert!(!status.to_string().contains("9990001122"), "{status}");

    let written = host
        .write(Method::PATCH, "/rest/v1/clients?id=eq.2", &json!({"notes": "seen"}))
        .await?;
    assert_eq!(written.header("x-turnout-mirror"), "done");
    let text = eventually("the metrics follow", async || {
        let text = host.get("/metrics").await.ok()?.text;
        // The two attempts with the parked row made nothing equal.
        let applied = "turnout_mirror_applied_total{source=\"old\",repository=\"clients\"} 1";
        text.lines().any(|line| line == applied).then_some(text)
    })
    .await;
    for sample in [
        "turnout_mirror_parked{source=\"old\",repository=\"clients\"} 1",
        "turnout_mirror_dirty{source=\"old\",repository=\"clients\"} 0",
        "turnout_mirror_oldest_seconds{source=\"new\",repository=\"clients\"} 0.0",
    ] {
        assert!(text.lines().any(|line| line == sample), "{sample} is not in {text}");
    }

    let (well, text, err) = site.said(&["status"])?;
    assert!(well, "{err}");
    for words in [
        "mirror old → new  (this host holds the lease, seen ",
        "parked: clients, 1 keys, up to 2 attempts, SQLSTATE 23505, table clients: constraint clients_phone_key",
        "critical  clients on old: a row could not be mirrored and its key was parked",
    ] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    assert!(!text.contains("9990001122"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_retry_mirrors_a_parked_row_once_mended() -> Result<()> {
    let (site, host) = with_a_parked_client().await?;
    let (well, out, err) = site.said(&["mirror", "list"])?;
    assert!(well, "{err}");
    let (_, new) = site.databases().await?;
    assert!(
        out.starts_with("old → new  clients  {\"id\":") && out.contains("constraint clients_phone_key  2 attempts\n"),
        "{out}"
    );
    let (_, elsewhere, _) = site.said(&["mirror", "list", "--source", "new"])?;
    assert_eq!(elsewhere, "no key is parked\n");

    let (well, out, err) = site.said(&["mirror", "retry", "--repository", "services"])?;
    assert!(well && out.contains("old → new  0 keys"), "{out}{err}");
    sqlx::query("delete from clients where phone = $1")
        .bind(PHONE)
        .execute(&new)
        .await?;
    let (well, out, err) = site.said(&["mirror", "retry", "--repository", "clients"])?;
    assert!(well && out.contains("old → new  1 keys tried again"), "{out}{err}");
    eventually("the row arrives", async || {
        let name: String = sqlx::query_scalar("select name from clients where phone = $1")
            .bind(PHONE)
            .fetch_optional(&new)
            .await
            .ok()??;
        (name == "Comes later").then_some(())
    })
    .await;
    host.status_with("nothing is parked", |status| clients(status, "old")["parked"] == 0)
        .await;
    Ok(())
}

#[tokio::test]
async fn a_dropped_parked_row_is_shown_as_diverged() -> Result<()> {
    let (site, host) = with_a_parked_client().await?;
    let (well, out, err) = site.said(&["mirror", "drop", "--source", "old"])?;
    assert!(
        well && out.contains("old → new  1 keys given up") && !out.contains("new → old"),
        "{out}{err}"
    );
    assert_eq!(site.said(&["mirror", "list"])?.1, "no key is parked\n");
    host.status_with("it is shown as diverged", |status| {
        clients(status, "old")["diverged"] == 1 && clients(status, "old")["parked"] == 0
    })
    .await;

    let (well, _, err) = site.said(&["mirror", "retry", "--repository", "nothing"])?;
    assert!(!well && err.contains("There is no repository nothing."), "{err}");
    for (method, path) in [
        (Method::GET, "/v1/mirror/parked"),
        (Method::POST, "/v1/mirror/retry"),
        (Method::POST, "/v1/mirror/drop"),
    ] {
        let refused = host.send(host.request(method, path)).await?;
        assert_eq!(refused.status, 403, "{path}");
        assert_eq!(
            refused.json()["message"],
            "This path needs the administrator's key",
            "{path}"
        );
    }
    Ok(())
}
