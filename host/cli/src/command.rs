//! One module for each command.

pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod failover;
pub(crate) mod install;
pub(crate) mod mirror;
pub(crate) mod policy;
mod running;
pub(crate) mod serve;
pub(crate) mod status;

use std::sync::Arc;

use anyhow::{Context, Result};
use turnout_api::Host;
use turnout_backends::Database;
use turnout_mirror::{Judge, Mirror};
use turnout_pipeline::{
    Alerts, Freshness, Handoffs, Metrics, Pipeline, Policies, PolicyJudge, PolicySource, Recording, RecordingKey,
};
use turnout_runtime::Runtime;
use turnout_vocabulary::{Backend, PerBackend};

use crate::config::Config;

/// The runtime that a command's asynchronous part runs on.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")
}

/// Opens both databases. A dead one is no error: it is found out at its first use. Needs the runtime.
fn open(config: &Config) -> Result<PerBackend<Database>> {
    let database = |backend: Backend| {
        let settings = config.backends[backend].settings.clone();
        Database::open(backend, settings, Arc::clone(&config.repositories))
    };
    Ok(PerBackend {
        old: database(Backend::Old)?,
        new: database(Backend::New)?,
    })
}

/// Loads the policies.
fn policies(config: &Config, metrics: &Arc<Metrics>) -> Result<Policies> {
    let runtime = Runtime::new(&config.policies.limits)?;
    let source = PolicySource::new(&config.policies.directory);
    let repositories = Arc::clone(&config.repositories);
    Policies::load(
        source,
        runtime,
        repositories,
        config.subjects.clone(),
        config.policies.trusted_keys.clone(),
        Arc::clone(metrics),
    )
    .context("the policies are refused")
}

/// Puts a host together, and starts what works beside its requests.
async fn host(config: &Config) -> Result<Host> {
    let metrics = Arc::new(Metrics::new(&config.repositories));
    let backends = Arc::new(open(config)?);
    let policies = Arc::new(policies(config, &metrics)?);
    let (repositories, rule) = (&config.repositories, &config.subjects);
    let judge: Arc<dyn Judge> = Arc::new(PolicyJudge::new(
        Arc::clone(&policies),
        rule.clone(),
        Arc::clone(&metrics),
    ));
    let mirror = Arc::new(Mirror::start(&backends, repositories, &judge));
    let alerts = Arc::new(Alerts::default());
    let handoffs = Arc::new(Handoffs::new(
        Arc::clone(&policies),
        Arc::clone(&backends),
        Arc::clone(&mirror),
        Arc::clone(&alerts),
        Arc::clone(repositories),
        rule.clone(),
        config.handoff_budget,
        config.policies.kept,
    ));
    handoffs.begin().await?;
    tokio::spawn(Arc::clone(&handoffs).follow());
    tokio::spawn(Arc::clone(&handoffs).observe());
    tokio::spawn(Arc::clone(&handoffs).break_circuits(config.policies.breaker_failures));
    let pipeline = Pipeline {
        policies,
        handoffs,
        backends,
        mirror,
        alerts,
        metrics,
        repositories: Arc::clone(repositories),
        recording: Recording::new(
            config.recorded_operations,
            config.clear_subjects,
            RecordingKey::of(config.keys.admin()),
        ),
        rule: rule.clone(),
        freshness: Freshness::new(config.read_wait),
        undecided: config.policies.undecided,
    };
    let labels = config.backends.as_ref().map(|backend| backend.label.clone());
    Ok(Host::new(pipeline, labels, config.keys.clone(), config.limits))
}
