//! Who hears of what went wrong: Sentry and a webhook, each played by a small HTTP server that keeps every byte.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::net::TcpListener;
use turnout_tests::{Host, Site, eventually};

use crate::unreliable::{IS_STRANGER, ON_OLD, STRANGER, policy};

/// Everything on `old` and mirrored.
const DUAL_WRITE: &str = "[default]\nstage = 'dualwrite'\n";

/// Every write is slow, a mirrored one is late after three seconds, and the second failed attempt parks a key.
const IMPATIENT: &str = "mirror = 'sync'\nsync_bound_ms = 3000\n[slow]\nwarning_ms = 0\ncritical_ms = 60000\n\
                         [retry]\nfirst_ms = 1\npark_after = 2\npark_age_ms = 0\n";

/// A phone of nobody in the dataset.
const PHONE: &str = "89990001122";

/// What a request to the sink held.
#[derive(Clone)]
struct Post {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

/// A server that takes whatever is sent to it.
struct Sink {
    port: u16,
    posts: Arc<Mutex<Vec<Post>>>,
}

impl Sink {
    async fn start() -> Result<Self> {
        let posts: Arc<Mutex<Vec<Post>>> = Arc::default();
        let take = async |State(posts): State<Arc<Mutex<Vec<Post>>>>, uri: Uri, headers: HeaderMap, body: Bytes| {
            let path = uri.path().to_owned();
            posts.lock().expect("no panic").push(Post { path, headers, body });
        };
        let router = Router::new().fallback(take).with_state(Arc::clone(&posts));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { port, posts })
    }

    fn posts(&self) -> Vec<Post> {
        self.posts.lock().expect("no panic").clone()
    }

    /// The events that Sentry was sent.
    fn events(&self) -> Vec<Value> {
        let posts = self.posts();
        let envelopes = posts.iter().filter(|post| post.path == "/api/42/envelope/");
        let events = envelopes.filter_map(|post| {
            // The head of the envelope, the head of its item, the event.
            let event = post.body.split(|&byte| byte == b'\n').nth(2)?;
            serde_json::from_slice(event).ok()
        });
        events.collect()
    }

    /// The bodies that the webhook was sent.
    fn bodies(&self) -> Vec<Value> {
        let posts = self.posts();
        let hooks = posts.iter().filter(|post| post.path == "/hook");
        hooks
            .filter_map(|post| serde_json::from_slice(&post.body).ok())
            .collect()
    }

    /// Waits until both have heard of an alert of a kind with a text in its message; the event and the body.
    async fn told(&self, kind: &str, message: &str) -> (Value, Value) {
        let what = format!("Sentry and the webhook hear of {kind}: {message}");
        let is_meant = |text: &Value| text.as_str().is_some_and(|text| text.contains(message));
        eventually(&what, async || {
            let mut events = self.events().into_iter();
            let event = events.find(|event| event["tags"]["kind"] == kind && is_meant(&event["message"]))?;
            let mut bodies = self.bodies().into_iter();
            let body = bodies.find(|body| body["kind"] == kind && is_meant(&body["message"]))?;
            Some((event, body))
        })
        .await
    }
}

/// A host whose alerts go to the sink.
async fn host(site: &Site, sink: &Sink) -> Result<Host> {
    let port = sink.port;
    site.configure(&[
        ("sentry.dsn", &format!("'http://public@127.0.0.1:{port}/42'")),
        ("sentry.environment", "'tests'"),
        ("webhook.url", &format!("'http://127.0.0.1:{port}/hook'")),
        ("webhook.secret", "'Jefe'"),
        ("alerts.mirror_age", "'1s'"),
        ("handoff.budget", "'2s'"),
    ])?;
    let host = site.host().await?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    Ok(host)
}

/// Every phone and every name that the clients and bookings of a side have. Of phones the last ten digits, which all spellings share.
async fn personal(database: &PgPool) -> Result<Vec<String>> {
    let query = "select right(regexp_replace(phone, '\\D', '', 'g'), 10) from clients where phone is not null
        union select right(regexp_replace(client_phone, '\\D', '', 'g'), 10) from bookings where client_phone is not null
        union select name from clients where name is not null";
    let found: Vec<String> = sqlx::query_scalar(query).fetch_all(database).await?;
    Ok(found.into_iter().filter(|text| text.len() >= 4).collect())
}

/// Fails if anything that was sent holds a phone or a name of either side.
async fn assert_impersonal(sink: &Sink, site: &Site) -> Result<()> {
    let (old, new) = site.databases().await?;
    let mut personal_data = personal(&old).await?;
    personal_data.extend(personal(&new).await?);
    ensure!(personal_data.len() > 2_000, "the dataset has phones and names");
    for post in sink.posts() {
        let text = std::str::from_utf8(&post.body).context("what is sent is text")?;
        for one in &personal_data {
            assert!(!text.contains(one.as_str()), "{one} is in {text}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn sentry_and_webhook_hear_of_failing_writes_and_mirrors() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(DUAL_WRITE)?;
    site.put("dual-write.toml", IMPATIENT)?;
    let sink = Sink::start().await?;
    let host = host(&site, &sink).await?;
    let (old, new) = site.databases().await?;

    // A client of `old` has a phone that another client has on `new`.
    sqlx::query("insert into clients (id, name, phone) values (900001, 'In the way', $1)")
        .bind(PHONE)
        .execute(&new)
        .await?;
    let comes_later = json!({"name": "Comes later", "phone": PHONE});
    let written = host.write(Method::POST, "/rest/v1/clients", &comes_later).await?;
    assert_eq!(written.header("x-turnout-mirror"), "parked", "{}", written.text);
    let (event, body) = sink.told("parked", "could not be mirrored").await;
    let tags = json!({"kind": "parked", "component": "pipeline", "operation": "insert", "backend": "old",
                      "repository": "clients", "epoch": "1", "dual_write": "failed"});
    assert_eq!((&event["tags"], event.get("level")), (&tags, None), "an error: {event}");
    assert_eq!(event["release"], format!("turnout@{}", env!("CARGO_PKG_VERSION")));
    assert_eq!(
        (&event["environment"], &event["server_name"]),
        (&json!("tests"), &Value::Null)
    );
    assert_eq!(event["fingerprint"].as_array().map(Vec::len), Some(7));
    assert_eq!(body["tags"]["dual_write"], "failed");
    assert_eq!((&body["severity"], &body["count"]), (&json!("critical"), &json!(1)));
    let (event, _) = sink.told("slow", "the authority took longer than 0 ms").await;
    assert_eq!(
        (&event["level"], &event["tags"]["dual_write"]),
        (&json!("warning"), &json!("slow"))
    );
    sink.told("parked_keys", "1 keys of clients").await;

    // Somebody's lock on `new` holds the mirror up.
    let mut lock = new.begin().await?;
    sqlx::query("lock table services in exclusive mode")
        .execute(&mut *lock)
        .await?;
    let path = "/rest/v1/services?id=eq.1";
    let written = host.write(Method::PATCH, path, &json!({"minutes": 31})).await?;
    assert_eq!(written.header("x-turnout-mirror"), "pending", "{}", written.text);
    sink.told("late_mirror", "was not equal after 3000 ms").await;
    let (event, _) = sink.told("mirror_age", "changes of backend old wait").await;
    assert_eq!(event["tags"]["component"], "mirror");
    lock.rollback().await?;
    host.status_with("an all-clear follows", |status| {
        let alerts = status["alerts"].as_array();
        let says = |alert: &Value| alert["message"].as_str().is_some_and(|text| text.contains("caught up"));
        alerts.is_some_and(|alerts| alerts.iter().any(says))
    })
    .await;

    // Slow writes of one kind are one message with their number, at the latest when the host stops.
    for minutes in 0..5 {
        host.write(Method::PATCH, path, &json!({ "minutes": minutes })).await?;
    }
    let metrics = host.get("/metrics").await?.text;
    for sample in [
        "turnout_alerts_total{repository=\"services\",kind=\"slow\",severity=\"warning\"} 6",
        "turnout_alerts_sent_total{sink=\"webhook\"} ",
    ] {
        assert!(
            metrics.lines().any(|line| line.starts_with(sample)),
            "{sample}: {metrics}"
        );
    }
    assert!(!metrics.contains("turnout_alerts_unsent_total{"), "{metrics}");
    let log = host.log();
    host.stop().await?;
    let of_services = |body: &Value| body["kind"] == "slow" && body["tags"]["repository"] == "services";
    let counts: Vec<_> = sink
        .bodies()
        .into_iter()
        .filter(of_services)
        .map(|body| body["count"].clone())
        .collect();
    assert_eq!(counts, [json!(1), json!(5)]);
    assert_impersonal(&sink, &site).await?;
    let signed = |post: &Post| post.headers.contains_key("x-turnout-signature");
    assert!(sink.posts().iter().all(|post| signed(post) == (post.path == "/hook")));
    assert!(!log.contains("public@") && !log.contains("/hook"), "{log}");
    drop(old);
    Ok(())
}

#[tokio::test]
async fn people_hear_of_an_outage_its_end_and_an_abandoned_handoff() -> Result<()> {
    let mut site = Site::set_up().await?;
    site.route(DUAL_WRITE)?;
    let sink = Sink::start().await?;
    let host = host(&site, &sink).await?;

    let (old, _) = site.databases().await?;
    sqlx::raw_sql("alter table staff disable trigger all")
        .execute(&old)
        .await?;
    sink.told("gap", "staff").await;
    sqlx::raw_sql("alter table staff enable trigger all")
        .execute(&old)
        .await?;

    let mut open = old.begin().await?;
    sqlx::query("update clients set notes = notes where id = 7")
        .execute(&mut *open)
        .await?;
    site.route("[default]\nstage = 'dualwrite'\n[repositories.clients]\nstage = 'live'\n")?;
    let (event, _) = sink.told("handoff", "took longer than 2s and was abandoned").await;
    assert_eq!(
        (&event["level"], &event["tags"]["component"], &event["tags"]["epoch"]),
        (&json!("warning"), &json!("handoff"), &json!("2"))
    );
    open.rollback().await?;
    old.close().await;

    site.old.stop().await?;
    eventually("a write fails", async || {
        let path = "/rest/v1/clients?phone=eq.89990001122";
        let write = host.write(Method::PATCH, path, &json!({"notes": "x"})).await.ok()?;
        (write.status == 503).then_some(())
    })
    .await;
    let (event, body) = sink.told("backend", "backend old is down").await;
    assert_eq!((event.get("level"), &body["tags"]["backend"]), (None, &json!("old")));
    let (event, _) = sink
        .told("primary_failed", "the authority did not carry out a write")
        .await;
    assert_eq!(
        (&event["tags"]["dual_write"], &event["tags"]["backend"]),
        (&json!("primary_failed"), &json!("old"))
    );
    site.old.restart().await?;
    host.status_with("the end of the outage shows", |status| {
        let alerts = status["alerts"].as_array();
        let says = |alert: &Value| {
            alert["message"]
                .as_str()
                .is_some_and(|text| text.contains("is up again after"))
        };
        alerts.is_some_and(|alerts| alerts.iter().any(says))
    })
    .await;
    // The end came within a minute of the beginning, so it waited to be sent.
    host.stop().await?;
    sink.told("backend", "backend old is up again after").await;
    assert_impersonal(&sink, &site).await
}

#[tokio::test]
async fn people_hear_of_failing_policies_and_of_the_breaker() -> Result<()> {
    let site = Site::set_up().await?;
    let sink = Sink::start().await?;
    let host = host(&site, &sink).await?;
    let traps = format!("(if {IS_STRANGER} (then unreachable))");
    site.put("routing.wasm", policy("", &traps, ON_OLD)?)?;
    host.status_with("the policy is in force", |status| status["epoch"] == 2)
        .await;
    for _ in 0..20 {
        host.get(&format!("/rest/v1/clients?phone=eq.{STRANGER}&select=id"))
            .await?;
    }
    let (event, _) = sink.told("policy", "`admit`").await;
    assert_eq!(
        (event.get("level"), &event["tags"]["component"]),
        (None, &json!("policies"))
    );
    let (event, body) = sink.told("policy_failure", "by a trap").await;
    assert_eq!(event["level"], "warning");
    assert_eq!(body["fingerprint"], "policy_failure/policies/-/-/-/-/routing");
    for post in sink.posts() {
        assert!(!String::from_utf8_lossy(&post.body).contains("0001111"));
    }
    assert_impersonal(&sink, &site).await
}

#[tokio::test]
async fn an_unreachable_sentry_slows_nothing() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(DUAL_WRITE)?;
    site.put("dual-write.toml", IMPATIENT)?;
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?;
    let dsn = format!("http://public@{nobody}/42");
    let host = Host::start(&site.config(), &[("SENTRY_DSN", &dsn)]).await?;
    let began = Instant::now();
    for notes in 0..20 {
        let body = json!({ "notes": notes.to_string() });
        let written = host.write(Method::PATCH, "/rest/v1/clients?id=eq.2", &body).await?;
        assert_eq!(written.status, 200, "{}", written.text);
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    eventually("what was not sent is counted", async || {
        let metrics = host.get("/metrics").await.ok()?.text;
        let counted = "turnout_alerts_unsent_total{sink=\"sentry\",why=\"unreachable\"} ";
        metrics.lines().any(|line| line.starts_with(counted)).then_some(())
    })
    .await;
    assert!(!host.log().contains("public@"), "{}", host.log());
    let began = Instant::now();
    host.stop().await?;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    Ok(())
}
