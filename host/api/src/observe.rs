use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use turnout_pipeline::Pipeline;

use crate::Host;

/// The content type of Prometheus' text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) async fn metrics(State(host): State<Arc<Host>>) -> Response {
    let Pipeline { metrics, policies, .. } = &host.pipeline;
    ([(CONTENT_TYPE, OPEN_METRICS)], metrics.encode(&policies.failures())).into_response()
}

/// The process runs.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// The host serves, policies are in force and at least one backend answers: less than both is degraded, and serves what it can.
pub(crate) async fn ready(State(host): State<Arc<Host>>) -> (StatusCode, &'static str) {
    if host.pipeline.policies.why_aside().is_some() {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "this host is configured for another site\n",
        );
    }
    if host.pipeline.backends.iter().any(|(_, database)| database.health().up) {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "no backend can be reached\n")
    }
}
