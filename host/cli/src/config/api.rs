use std::net::SocketAddr;
use std::time::Duration;

use turnout_api::{Dialect, Keys, Limits, Origins};

use super::Environment;
use super::section::Section;

/// The least number of random characters that make a key safe from guessing.
const SAFE_KEY: usize = 16;

/// How long the host may take to stop, unless the configuration says: less than the 30 s after which Kubernetes kills it.
const STOP_TIMEOUT: Duration = Duration::from_secs(25);

/// The section `api`.
pub(super) struct ApiConfig {
    /// Where the API listens.
    pub(super) listen: SocketAddr,
    /// The keys of the API; `None` if one is missing.
    pub(super) keys: Option<Keys>,
    /// What is allowed of the dialect.
    pub(super) dialect: Dialect,
    /// The sites whose pages may read answers.
    pub(super) origins: Origins,
    /// The limits of requests and connections. `connections` is cut to the file descriptors later, in `descriptors.rs`.
    pub(super) limits: Limits,
    /// How long the host may take to stop.
    pub(super) stop_timeout: Duration,
    /// The configured number of connections, if one is configured.
    pub(super) connections: Option<usize>,
    /// What works now and should be changed, each in words for people.
    pub(super) warnings: Vec<String>,
}

impl ApiConfig {
    pub(super) fn read(mut api: Section<'_, '_>, environment: Environment<'_>) -> Self {
        let listen = api
            .value("listen")
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8787)));
        let key = api.secret("key", "TURNOUT_API_KEY", environment, usable_key);
        let admin_key = api.secret("admin_key", "TURNOUT_ADMIN_KEY", environment, usable_key);
        let metrics_key = api.optional_secret("metrics_key", "TURNOUT_METRICS_KEY", environment, usable_key);
        if metrics_key.is_some() && (metrics_key == key || metrics_key == admin_key) {
            api.problem("`metrics_key` is also `key` or `admin_key`; give it a value of its own");
        }
        if key.is_some() && key == admin_key {
            api.problem("`key` and `admin_key` are the same; give administration a key of its own");
        }
        let dialect = Dialect {
            aggregates: api.value("aggregates").unwrap_or(false),
            plans: api.value("plan").unwrap_or(false),
        };
        let origins = api.value("cors_origins").map_or_else(Origins::default, Origins::only);
        let connections = api.positive("connections");
        let time = api.duration("request_timeout").unwrap_or(Duration::from_secs(15));
        let stop_timeout = api.duration("stop_timeout").unwrap_or(STOP_TIMEOUT);
        let limits = Limits {
            body: api.kibibytes("body_limit_kib").unwrap_or(1 << 20),
            time,
            concurrency: api.positive("concurrency").unwrap_or(512),
            connections: 0,
            idle: api.duration("idle_timeout").unwrap_or(Duration::from_secs(75)),
            draining: time.min(stop_timeout * 3 / 4),
        };
        api.finish();

        let named = [("key", &key), ("admin_key", &admin_key), ("metrics_key", &metrics_key)];
        let warnings = named
            .into_iter()
            .filter_map(|(name, key)| short_key(name, key.as_deref()?));
        Self {
            listen,
            warnings: warnings.collect(),
            keys: key
                .zip(admin_key)
                .map(|(key, admin_key)| Keys::new(key, admin_key, metrics_key)),
            dialect,
            origins,
            limits,
            stop_timeout,
            connections,
        }
    }
}

/// Refuses a key that cannot be sent in a header.
fn usable_key(key: &str) -> Result<(), String> {
    let visible = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
    if visible {
        Ok(())
    } else {
        Err("a key is made of visible ASCII characters".to_owned())
    }
}

/// The warning about a key that is too short, if it is.
fn short_key(name: &str, key: &str) -> Option<String> {
    (key.len() < SAFE_KEY).then(|| {
        format!(
            "`api.{name}` has fewer than {SAFE_KEY} characters and may be guessed; take a random one, such as of `openssl rand -hex 16`"
        )
    })
}
