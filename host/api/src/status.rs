//! `/v1/status`: the state of a host, without personal data.

mod alerts;
mod comparison;
mod frozen;
mod mirror;
mod tasks;
mod trial;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use turnout_policies::{InForce, PerWorld, Refused, Tenure, Version};
use turnout_vocabulary::{Backend, Epoch, PerBackend};

pub use alerts::AlertStatus;
pub use comparison::{ComparisonStatus, RowsStatus};
pub use frozen::FrozenStatus;
pub use mirror::{GapStatus, MirrorStatus, ParkedStatus, RepositoryStatus};
pub use tasks::{TaskFailure, TaskStatus};
pub use trial::{DifferenceStatus, TrialStatus};

use crate::Host;

/// The answer of `/v1/status`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    /// The version of the host.
    pub version: String,
    /// How long the host has run, in seconds.
    pub uptime_seconds: u64,
    /// The epoch of the policy set in force.
    pub epoch: Epoch,
    /// When that set was put in force, in seconds of Unix time.
    pub since: u64,
    /// The policies of that set, each under the name of its world.
    #[serde(flatten)]
    pub policies: PerWorld<Version>,
    /// The versions on trial beside the set in force.
    pub trials: Vec<TrialStatus>,
    /// The change that was refused after the set in force, while the directory still holds it.
    pub refused: Option<Refused>,
    /// Why this host serves nothing, if it serves nothing.
    #[serde(default)]
    pub aside: Option<String>,
    /// The last epoch of the set in the policy directory, if that set was in force before and so changes nothing.
    #[serde(default)]
    pub old_directory: Option<Epoch>,
    /// The epochs that the handoff under way leaves, oldest first. Empty if none is under way.
    pub leaving: Vec<Epoch>,
    /// What the handoff under way waits for, if this host carries it out.
    pub held_up_by: Option<String>,
    /// Why the application's writes are refused; `None` if they are let in.
    #[serde(default)]
    pub frozen: Option<FrozenStatus>,
    /// The side that a forced failover made the authority of everything.
    pub forced: Option<Backend>,
    /// The side that was restored from the past, until a person says which side's rows count.
    pub restored: Option<RestoredStatus>,
    /// The two databases.
    pub backends: PerBackend<BackendStatus>,
    /// The repositories served.
    pub repositories: Vec<String>,
    /// The repositories whose sides must still be compared before their copies count as equal.
    pub converging: Vec<String>,
    /// The comparison that this host is working on.
    #[serde(default)]
    pub comparing: Option<ComparisonStatus>,
    /// The sequences that may hand out numbers of the other side, each with the reason in words.
    #[serde(default)]
    pub sequences: Vec<String>,
    /// The state of the mirror by source. `None` if the side has no installation or was not asked yet.
    pub mirror: PerBackend<Option<MirrorStatus>>,
    /// The host's long-running tasks, by name.
    #[serde(default)]
    pub tasks: Vec<TaskStatus>,
    /// The last alerts since the host began, newest first.
    pub alerts: Vec<AlertStatus>,
}

/// A side that was restored from the past. Nothing is mirrored, and no authority moves.
#[derive(Debug, Serialize, Deserialize)]
pub struct RestoredStatus {
    /// The side.
    pub backend: Backend,
    /// How the host found out.
    pub reason: String,
}

/// The state of one database.
#[derive(Debug, Serialize, Deserialize)]
pub struct BackendStatus {
    /// The database's name for people.
    pub label: String,
    /// Whether the host can connect to it.
    pub up: bool,
    /// Why the database refuses statements although it answers, such as "is read-only".
    #[serde(default)]
    pub condition: Option<String>,
    /// The 95th percentile of its recent response times, in milliseconds.
    pub p95_ms: f64,
}

pub(crate) async fn serve(State(host): State<Arc<Host>>) -> Json<Status> {
    let pipeline = &host.pipeline;
    let in_force = pipeline.policies.in_force();
    let Tenure { since, refused, .. } = pipeline.policies.tenure();
    let backend = |backend| {
        let health = pipeline.backends[backend].health();
        BackendStatus {
            label: host.labels[backend].clone(),
            up: health.up,
            condition: pipeline.backends[backend].condition().map(str::to_owned),
            p95_ms: milliseconds(health.p95),
        }
    };
    let mirror = PerBackend::from_fn(|source| MirrorStatus::of(pipeline, source));
    Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: host.since.elapsed().as_secs(),
        epoch: in_force.epoch,
        since: since.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
        policies: in_force.versions.clone(),
        trials: TrialStatus::all(pipeline),
        refused,
        aside: pipeline.policies.why_aside().map(|reason| reason.to_string()),
        old_directory: pipeline.policies.old_directory(),
        leaving: in_force.leaving.iter().map(|era| era.epoch).collect(),
        held_up_by: pipeline.handoffs.held_up_by(),
        frozen: FrozenStatus::of(&in_force),
        forced: in_force.forced,
        restored: pipeline.handoffs.restored().map(|found| RestoredStatus {
            backend: found.side,
            reason: found.reason.clone(),
        }),
        backends: PerBackend::from_fn(backend),
        repositories: names(&host, |_| true),
        converging: if pipeline
            .backends
            .iter()
            .all(|(_, database)| database.lacks_installation())
        {
            Vec::new()
        } else {
            names(&host, |name| is_converging(&in_force, &mirror, name))
        },
        comparing: ComparisonStatus::of(pipeline),
        sequences: pipeline.handoffs.unnumbered().iter().map(ToString::to_string).collect(),
        mirror,
        tasks: host.supervisor.tasks().into_iter().map(TaskStatus::from).collect(),
        alerts: pipeline.alerts.last().into_iter().map(AlertStatus::from).collect(),
    })
}

fn names(host: &Host, chosen: impl Fn(&String) -> bool) -> Vec<String> {
    let names = host.pipeline.repositories.iter().map(|repository| &repository.name);
    names.filter(|name| chosen(name)).cloned().collect()
}

fn is_converging(in_force: &InForce, mirror: &PerBackend<Option<MirrorStatus>>, repository: &String) -> bool {
    let mut gaps = mirror
        .iter()
        .flat_map(|(_, mirror)| mirror.iter().flat_map(|mirror| &mirror.gaps));
    let has_gap = gaps.any(|gap| gap.repository == *repository);
    in_force.forced.is_none() && (has_gap || !in_force.converged.contains(repository))
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
