//! One module for each command.

pub(crate) mod apply;
pub(crate) mod backfill;
pub(crate) mod baseline;
pub(crate) mod check;
pub(crate) mod cleanup;
pub(crate) mod cutover;
pub(crate) mod demo;
pub(crate) mod divergence;
pub(crate) mod drill;
mod evidence;
pub(crate) mod failover;
pub(crate) mod freeze;
pub(crate) mod init;
pub(crate) mod install;
pub(crate) mod mirror;
pub(crate) mod policy;
pub(crate) mod preflight;
pub(crate) mod ready;
pub(crate) mod reconcile;
mod recorded;
pub(crate) mod rejoin;
pub(crate) mod report;
pub(crate) mod retire;
mod running;
pub(crate) mod schema;
pub(crate) mod serve;
mod served;
pub(crate) mod status;
pub(crate) mod verify;

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use turnout_alerts::{Alerts, Cause, Component, Kind};
use turnout_api::Host;
use turnout_backends::{Database, Settings};
use turnout_cleanup::Cleanups;
use turnout_comparisons::{Comparisons, Counted, Listener};
use turnout_drift::Drift;
use turnout_handoff::{Handoffs, Parts, PolicyJudge, SiteDescription};
use turnout_mirror::{Judge, Mirror};
use turnout_pipeline::{Freshness, Metrics, MinuteKeeper, Pipeline, Recording};
use turnout_policies::{Files, PerWorld, Policies, PolicyMetrics, PolicySource, Worlds};
use turnout_runtime::Runtime;
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{Backend, DivergenceAlert, PerBackend, RecordingKey, Repository, Severity};

use crate::config::{Cleanup, Config};

/// The runtime that a command's asynchronous part runs on.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")
}

/// Opens both databases. A dead one is no error: it is found out at its first use. Needs the runtime.
fn open(config: &Config, supervisor: &Supervisor) -> Result<PerBackend<Database>> {
    let database = |backend: Backend| {
        let settings = Settings {
            exposed_schemas: config.exposed.clone(),
            ..config.backends[backend].settings.clone()
        };
        Database::open(backend, settings, Arc::clone(&config.repositories), supervisor)
    };
    Ok(PerBackend {
        old: database(Backend::Old)?,
        new: database(Backend::New)?,
    })
}

/// Loads the policies: those of the directory, and where it holds none those on record, or else those that are built in; those on
/// record, too, where the directory's are refused.
fn policies(config: &Config, metrics: &Arc<PolicyMetrics>, recorded: Option<&PerWorld<Files>>) -> Result<Policies> {
    let runtime = Runtime::new(&config.policies.limits)?;
    let source = PolicySource::new(&config.policies.directory, Worlds::default());
    let repositories = Arc::clone(&config.repositories);
    Policies::load(
        source,
        runtime,
        repositories,
        config.subjects.clone(),
        config.policies.acceptance.clone(),
        Arc::clone(metrics),
        recorded,
    )
    .context("the policies are refused")
}

/// The repositories of these names; all if there are none.
fn chosen(served: &[Repository], names: &[String]) -> Result<Vec<Repository>> {
    for name in names {
        let all: Vec<&str> = served.iter().map(|repository| repository.name.as_str()).collect();
        ensure!(
            all.contains(&name.as_str()),
            "no repository is called {name}; there are {}",
            all.join(", ")
        );
    }
    let is_chosen = |repository: &&Repository| names.is_empty() || names.contains(&repository.name);
    Ok(served.iter().filter(is_chosen).cloned().collect())
}

/// The name of this machine, for the evidence.
fn machine() -> String {
    nix::unistd::gethostname().map_or_else(|_| String::new(), |name| name.to_string_lossy().into_owned())
}

/// Goes on only if both sides have an installation.
async fn check_installed(sides: &PerBackend<Database>) -> Result<()> {
    for (backend, database) in sides.iter() {
        ensure!(
            database.schema().await?.installed,
            "backend {backend} has no installation: run `turnout install {backend}`"
        );
    }
    Ok(())
}

/// Goes on only if the keys of all repositories tell the rows of their tables apart, and their subject columns can hold the
/// configured kind of subjects. A side that can't be asked is passed over, and a pooler in front of one is complained of.
async fn check_backends(backends: &PerBackend<Database>, config: &Config) -> Result<()> {
    let mut wrong = Vec::new();
    for (_, database) in backends.iter() {
        if let Ok(Some(pooler)) = database.check_pooler().await {
            tracing::error!("{pooler}");
        }
        wrong.extend(database.check_keys().await.unwrap_or_default());
    }
    ensure!(wrong.is_empty(), "rows could not be told apart: {}", wrong.join("; "));
    for (_, database) in backends.iter() {
        wrong.extend(
            database
                .check_subjects(config.subjects.kind())
                .await
                .unwrap_or_default(),
        );
    }
    ensure!(
        wrong.is_empty(),
        "subjects could not be told apart: {}",
        wrong.join("; ")
    );
    Ok(())
}

/// Goes on only if the configuration describes the site on record. Policies that fit that site need not fit another, so this is
/// found out before they are loaded. While nothing can be known, the start of the handoffs decides.
async fn check_site(config: &Config, backends: &PerBackend<Database>) -> Result<()> {
    let configured = SiteDescription::of(&config.repositories, &config.functions, &config.subjects);
    if let Ok(Some(recorded)) = turnout_handoff::recorded_site(backends).await
        && let Some(reason) = recorded.refusal(&configured)
    {
        bail!(reason);
    }
    Ok(())
}

/// Hears of divergences for the host.
struct Told(Arc<Alerts>);

impl Listener for Told {
    fn alert(&self, alert: &DivergenceAlert, details: &str) {
        let message = if details.is_empty() {
            alert.to_string()
        } else {
            format!("{alert}; the first: {details}")
        };
        let cause = Cause::new(Kind::Divergence, Component::Mirror).detail(alert.kind.as_str());
        self.0.raise(match alert.severity {
            Severity::Warning => cause.warns(message),
            Severity::Critical => cause.is_critical(message),
        });
    }

    fn call(&self, repository: &Repository, rows: u64) {
        let cause = Cause::new(Kind::Divergence, Component::Mirror).detail("call");
        let message = format!(
            "{rows} rows of {} differ and wait for a person: see `turnout divergence list`, then run `turnout reconcile`",
            repository.name
        );
        self.0.raise(cause.repository(&repository.name).warns(message));
    }
}

/// Puts a host together, and starts what works beside its requests.
async fn host(config: &Config) -> Result<Host> {
    let metrics = Arc::new(Metrics::new(&config.repositories));
    let supervisor = Supervisor::new();
    let backends = Arc::new(open(config, &supervisor)?);
    check_backends(&backends, config).await?;
    check_site(config, &backends).await?;
    // A side that can't be asked has no say: then the directory must do.
    let recorded = turnout_handoff::recorded_set(&backends).await.unwrap_or_default();
    let policies = Arc::new(policies(config, &metrics.policies, recorded.as_ref())?);
    let (repositories, rule) = (&config.repositories, &config.subjects);
    let alerts = Arc::new(Alerts::new(Arc::clone(&metrics.alerts)));
    alerts.send_to(&config.alerts.endpoints, &supervisor)?;
    let comparisons = Arc::new(Comparisons::new(turnout_comparisons::Parts {
        policies: Arc::clone(&policies),
        sides: Arc::clone(&backends),
        repositories: Arc::clone(repositories),
        rule: rule.clone(),
        listener: Arc::new(Told(Arc::clone(&alerts))),
        metrics: Arc::clone(&metrics.comparisons),
        reconcile_every: config.reconcile_every,
    }));
    comparisons.work(&supervisor);
    let judge = PolicyJudge::new(Arc::clone(&policies), rule.clone(), Arc::clone(&metrics.mirror));
    let judge: Arc<dyn Judge> = Arc::new(Counted::new(judge, Arc::clone(&comparisons)));
    let mirror = Arc::new(Mirror::start(&backends, repositories, &judge, &supervisor));
    let names = RecordingKey::of(config.keys.admin());
    let handoffs = Handoffs::new(&Parts {
        policies: Arc::clone(&policies),
        backends: Arc::clone(&backends),
        mirror: Arc::clone(&mirror),
        alerts: Arc::clone(&alerts),
        metrics: Arc::clone(&metrics.mirror),
        repositories: Arc::clone(repositories),
        functions: config.functions.clone(),
        rule: rule.clone(),
        supervisor: supervisor.clone(),
        names: names.clone(),
        budget: config.handoff_budget,
        mirror_age: config.alerts.mirror_age,
        kept: config.policies.kept,
        promotion: config.migration.promotion.clone(),
        host: machine(),
    });
    let handoffs = Arc::new(handoffs);
    handoffs.begin().await?;
    handoffs.work(config.policies.breaker);
    let drift = Drift::new(turnout_drift::Parts {
        sides: Arc::clone(&backends),
        repositories: Arc::clone(repositories),
        policies: Arc::clone(&policies),
        alerts: Arc::clone(&alerts),
        every: config.migration.drift_every,
        host: machine(),
    });
    drift.work(&supervisor);
    let cleanups = Arc::new(Cleanups::new(turnout_cleanup::Parts {
        policies: Arc::clone(&policies),
        sides: Arc::clone(&backends),
        mirror: Arc::clone(&mirror),
        repositories: Arc::clone(repositories),
        rule: rule.clone(),
        allowed: config
            .backends
            .as_ref()
            .map(|backend| backend.cleanup == Cleanup::Allowed),
        retention: config.cleanup_retention,
        host: machine(),
    }));
    cleanups.work(&supervisor);
    let minutes = MinuteKeeper::new(&backends, &handoffs, &alerts, &metrics, repositories, &machine());
    let minutes = Arc::new(minutes);
    minutes.work(&supervisor);
    let pipeline = Pipeline {
        minutes,
        comparisons,
        policies,
        handoffs,
        backends,
        mirror,
        alerts,
        metrics,
        repositories: Arc::clone(repositories),
        recording: Recording::new(config.recorded_operations, config.clear_subjects, names),
        rule: rule.clone(),
        freshness: Freshness::new(config.read_wait),
        undecided: config.policies.undecided,
        unfiltered_writes: config.unfiltered_writes.clone(),
        functions: config.functions.clone(),
    };
    let labels = config.backends.as_ref().map(|backend| backend.label.clone());
    Ok(Host::new(turnout_api::Parts {
        pipeline,
        cleanups,
        labels,
        keys: config.keys.clone(),
        dialect: config.dialect,
        origins: config.origins.clone(),
        limits: config.limits,
        supervisor,
    }))
}
