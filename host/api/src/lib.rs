//! What the host serves over HTTP: the PostgREST dialect under `/rest/v1/`, its own JSON under `/v1/`, and what
//! watches it (`/metrics`, `/healthz`, `/readyz`).

mod keys;
mod limits;
mod observe;
mod rest;
mod status;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get};
use turnout_pipeline::Pipeline;
use turnout_vocabulary::PerBackend;

pub use keys::Keys;
pub use limits::Limits;
pub use status::{BackendStatus, Status};

/// What the handlers share.
pub struct Host {
    /// Does the operations.
    pub pipeline: Pipeline,
    /// The names of the databases for people.
    pub labels: PerBackend<String>,
    /// When the host began.
    pub since: Instant,
}

/// Everything that the host serves. Without a key only `/healthz` and `/readyz` answer.
pub fn router(host: Arc<Host>, keys: Keys, limits: Limits) -> Router {
    let rest = Router::new()
        .route("/rest/v1/{repository}", any(rest::serve))
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(limits::Gate::new(limits), limits::within));
    let watched = Router::new()
        .route("/v1/status", get(status::serve))
        .route("/metrics", get(observe::metrics));
    let open = Router::new()
        .route("/healthz", get(observe::alive))
        .route("/readyz", get(observe::ready));
    rest.merge(watched)
        .fallback(rest::nowhere)
        .layer(from_fn_with_state(Arc::new(keys), keys::required))
        .merge(open)
        .with_state(host)
}
