use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use turnout_pipeline::Pipeline;
use turnout_postgrest::Refusal;
use turnout_supervisor::Need;

use crate::Host;
use crate::rest::{RETRY_AFTER, refuse};

/// The content type of the metrics. They are in the text format that Prometheus reads.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) async fn metrics(State(host): State<Arc<Host>>) -> Response {
    let Pipeline { metrics, policies, .. } = &host.pipeline;
    let text = metrics.encode(&policies.failures(), &host.supervisor.tasks());
    ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}

/// `/healthz`: the process runs.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// `/readyz`: the host serves under a policy set, no task that it needs for that is down, and at least one database answers. With one
/// database the host is degraded, and serves what it can.
pub(crate) async fn ready(State(host): State<Arc<Host>>) -> Response {
    let refused = |reason: &str| refuse(Refusal::unavailable(reason, Some(RETRY_AFTER)));
    if host.is_stopping() {
        return refused("This host stops");
    }
    let tasks = host.supervisor.tasks();
    if let Some(down) = tasks.iter().find(|task| task.need == Need::Required && task.down > 0) {
        return refused(&format!("Task {} of this host failed and is started again", down.name));
    }
    if host.pipeline.policies.why_aside().is_some() {
        return refused("This host's configuration describes another site; correct it, or run `turnout apply`");
    }
    if host.pipeline.backends.iter().any(|(_, database)| database.health().up) {
        "ready\n".into_response()
    } else {
        refused("No backend can be reached")
    }
}
