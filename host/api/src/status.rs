use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use turnout_pipeline::{Refused, Standing, Version};
use turnout_vocabulary::{Epoch, PerBackend};

use crate::Host;

/// What `/v1/status` answers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    /// The version of the host.
    pub version: String,
    /// How long it has run, in seconds.
    pub uptime_seconds: u64,
    /// The policy set in force.
    pub epoch: Epoch,
    /// When that set was put in force, in seconds of Unix time.
    pub since: u64,
    /// The routing policy of that set.
    pub routing: Version,
    /// The change that was refused after it, while it stands in the directory.
    pub refused: Option<Refused>,
    /// The two databases.
    pub backends: PerBackend<BackendStatus>,
    /// The repositories served.
    pub repositories: Vec<String>,
}

/// How one database fares.
#[derive(Debug, Serialize, Deserialize)]
pub struct BackendStatus {
    /// Its name for people.
    pub label: String,
    /// Whether connections to it can be had.
    pub up: bool,
    /// The 95th percentile of its recent answers, in milliseconds.
    pub p95_ms: f64,
}

pub(crate) async fn serve(State(host): State<Arc<Host>>) -> Json<Status> {
    let pipeline = &host.pipeline;
    let set = pipeline.policies.in_force();
    let Standing { since, refused, .. } = pipeline.policies.standing();
    let backend = |backend| {
        let health = pipeline.backends[backend].health();
        BackendStatus {
            label: host.labels[backend].clone(),
            up: health.up,
            p95_ms: milliseconds(health.p95),
        }
    };
    Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: host.since.elapsed().as_secs(),
        epoch: set.epoch,
        since: since.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
        routing: set.version.clone(),
        refused,
        backends: PerBackend::from_fn(backend),
        repositories: pipeline
            .repositories
            .iter()
            .map(|repository| repository.name.clone())
            .collect(),
    })
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
