//! The host's HTTP API: the PostgREST dialect under `/rest/v1/`, Turnout's own JSON API under `/v1/`, and what monitoring reads
//! (`/metrics`, `/healthz`, `/readyz`).

mod administration;
mod keys;
mod limits;
mod observe;
mod rest;
mod server;
mod status;
mod tokens;
mod transactions;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post, put};
use turnout_cleanup::Cleanups;
use turnout_pipeline::Pipeline;
pub use turnout_postgrest::Dialect;
use turnout_supervisor::{Supervisor, Task};
use turnout_vocabulary::PerBackend;

pub use administration::{
    Activated, Activation, AtStake, Audience, By, ChangedDecision, Chosen, CleanupCount, CleanupRemoved, CleanupReport,
    CleanupRequest, CleanupRow, CutoverRequest, Failover, FailoverRequest, FreezeRequest, Frozen, HandoffTimings,
    KeptCleanups, Moved, NotPutBack, Parked, ParkedKey, Push, RejoinRequest, Rejoined, Replay, ReplayedCohort,
    Shipment, ShippedTrial, ShippedVersion, ShownEpoch, ShownTrial, ShownVersion, StageChange, Treated, UndoReport,
    UndoRequest, VersionDiff,
};
pub use keys::Keys;
use limits::Gate;
pub use limits::Limits;
pub use rest::cors::Origins;
pub use server::serve;
pub use status::{
    AlertStatus, BackendStatus, ComparisonStatus, DifferenceStatus, FrozenStatus, GapStatus, MirrorStatus,
    ParkedStatus, RepositoryStatus, RestoredStatus, RowsStatus, Status, TaskFailure, TaskStatus, TrialStatus,
};
pub use tokens::{KeyError, Tokens};

/// What a host is made of.
pub struct Parts {
    /// What carries out operations.
    pub pipeline: Pipeline,
    /// What removes test rows, and puts them back.
    pub cleanups: Arc<Cleanups>,
    /// The names of the databases for people.
    pub labels: PerBackend<String>,
    /// The keys that open the host.
    pub keys: Keys,
    /// What it serves of the dialect.
    pub dialect: Dialect,
    /// The sites whose pages may read its answers.
    pub origins: Origins,
    /// What one request may cost.
    pub limits: Limits,
    /// What its tasks run under.
    pub supervisor: Supervisor,
}

/// A host that is ready to serve: the state that all handlers share.
pub struct Host {
    pipeline: Pipeline,
    cleanups: Arc<Cleanups>,
    labels: PerBackend<String>,
    keys: Keys,
    dialect: Dialect,
    origins: Origins,
    gate: Gate,
    supervisor: Supervisor,
    since: Instant,
    stopping: AtomicBool,
}

impl Host {
    /// A host that is made of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            pipeline: parts.pipeline,
            cleanups: parts.cleanups,
            labels: parts.labels,
            keys: parts.keys,
            dialect: parts.dialect,
            origins: parts.origins,
            gate: Gate::new(parts.limits),
            supervisor: parts.supervisor,
            since: Instant::now(),
            stopping: AtomicBool::new(false),
        }
    }

    /// Has the tables of both sides read anew whenever the application says that they changed, until the tasks are dropped.
    #[must_use]
    pub fn listen(&self) -> Vec<Task> {
        let backends = self.pipeline.backends.iter();
        backends
            .map(|(_, database)| database.listen(&self.supervisor))
            .collect()
    }

    /// Notes that the host stops: from now on `/readyz` says that it is not ready.
    pub fn begins_to_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// The pipeline that carries out the operations.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }
}

/// All routes of the host. Without a key only `/healthz` and `/readyz` answer.
pub fn router(host: Arc<Host>) -> Router {
    let guarded = Router::new()
        .route("/v1/transactions", post(transactions::serve))
        .fallback(rest::nowhere)
        .method_not_allowed_fallback(rest::wrong_method)
        .layer(from_fn_with_state(Arc::clone(&host), keys::required));
    let watched = Router::new()
        .route("/v1/status", get(status::serve))
        .route("/metrics", get(observe::metrics))
        .method_not_allowed_fallback(rest::wrong_method)
        .layer(from_fn_with_state(Arc::clone(&host), keys::watcher_required));
    let administration = Router::new()
        .route("/v1/mirror/parked", get(administration::parked))
        .route("/v1/mirror/retry", post(administration::retry))
        .route("/v1/mirror/drop", post(administration::give_up))
        .route("/v1/cleanup", get(administration::kept).post(administration::clean))
        .route("/v1/cleanup/undo", post(administration::undo))
        .route("/v1/cutover", post(administration::cut_over))
        .route("/v1/rollback", post(administration::roll_back))
        .route("/v1/freeze", post(administration::freeze))
        .route("/v1/unfreeze", post(administration::unfreeze))
        .route("/v1/failover", post(administration::fail_over))
        .route("/v1/rejoin", post(administration::rejoin))
        .route("/v1/policies", get(administration::list))
        .route(
            "/v1/policies/{name}",
            put(administration::push)
                .post(administration::change)
                .get(administration::show),
        )
        .route("/v1/policies/{name}/diff/{other}", get(administration::diff))
        .route("/v1/policies/{name}/replay", post(administration::replay))
        .route("/v1/recording", get(administration::recording))
        .method_not_allowed_fallback(rest::wrong_method)
        .layer(from_fn_with_state(Arc::clone(&host), keys::admin_required));
    Router::new()
        .route("/rest/v1/", get(rest::openapi::serve).options(rest::openapi::serve))
        .route("/rest/v1/{repository}", any(rest::serve))
        .route("/rest/v1/rpc/{function}", any(rest::call))
        .route("/healthz", get(observe::alive))
        .route("/readyz", get(observe::ready))
        .method_not_allowed_fallback(rest::wrong_method)
        .merge(guarded)
        .merge(watched)
        .merge(administration)
        .with_state(host)
}
