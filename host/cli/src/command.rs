//! One module for each command.

pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod serve;
pub(crate) mod status;

use std::sync::Arc;

use anyhow::{Context, Result};
use turnout_api::Host;
use turnout_backends::Database;
use turnout_pipeline::{Metrics, Pipeline, Policies, PolicySource};
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

/// Opens both databases. A dead one is no error: it is found out at its first use.
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
    let runtime = Runtime::new(&config.policy_limits)?;
    let source = PolicySource::new(&config.policies);
    let repositories = Arc::clone(&config.repositories);
    Policies::load(
        source,
        runtime,
        repositories,
        config.subjects.clone(),
        Arc::clone(metrics),
    )
    .context("the policies are refused")
}

/// Puts a host together.
fn host(config: &Config) -> Result<Host> {
    let metrics = Arc::new(Metrics::new(&config.repositories));
    let pipeline = Pipeline {
        policies: Arc::new(policies(config, &metrics)?),
        backends: open(config)?,
        metrics,
        repositories: Arc::clone(&config.repositories),
        rule: config.subjects.clone(),
        undecided: config.undecided,
    };
    let labels = config.backends.as_ref().map(|backend| backend.label.clone());
    Ok(Host::new(pipeline, labels, config.keys.clone(), config.limits))
}
