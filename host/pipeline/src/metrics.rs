//! What is counted. To add a metric: a field, its registration with help text in `new`, and a method that moves it.

mod tasks;

use std::sync::{Arc, OnceLock};

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use turnout_alerts::AlertMetrics;
use turnout_comparisons::ComparisonMetrics;
use turnout_handoff::MirrorMetrics;
use turnout_policies::{PerWorld, PolicyMetrics};
use turnout_runtime::Failures;
use turnout_supervisor::TaskState;
use turnout_vocabulary::{Action, Backend, PerBackend, Repository, RepositoryId};

use crate::minutes::Counts;
use crate::{Error, Provenance};
use tasks::TaskMetrics;

/// The upper bounds of the buckets of an operation's time, in seconds: from a fast lookup nearby to a slow write far
/// away.
const OPERATION_BUCKETS: [f64; 13] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    repository: String,
    action: &'static str,
    backend: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    repository: String,
    action: &'static str,
    backend: &'static str,
    kind: &'static str,
}

/// What the host counts, in Prometheus' form.
pub struct Metrics {
    registry: Registry,
    names: Box<[String]>,
    operations: Family<OperationLabels, Histogram, fn() -> Histogram>,
    /// Those of `operations` that were used, by repository, action and backend: an operation looks no labels up, and what was never
    /// used is not printed.
    used: Box<[[PerBackend<OnceLock<Histogram>>; Action::ALL.len()]]>,
    errors: Family<ErrorLabels, Counter>,
    /// The same for the minutes that are kept.
    pub(crate) counts: Counts,
    /// How the policies do.
    pub policies: Arc<PolicyMetrics>,
    /// What people should hear of.
    pub alerts: Arc<AlertMetrics>,
    /// Where the mirror stands.
    pub mirror: Arc<MirrorMetrics>,
    /// What was compared.
    pub comparisons: Arc<ComparisonMetrics>,
    tasks: TaskMetrics,
}

impl Metrics {
    /// Nothing counted yet, for these repositories in the order of their numbers.
    #[must_use]
    pub fn new(repositories: &[Repository]) -> Self {
        let mut registry = Registry::with_prefix("turnout");
        let operations = Family::<OperationLabels, Histogram, fn() -> Histogram>::new_with_constructor(|| {
            Histogram::new(OPERATION_BUCKETS)
        });
        let errors = Family::default();
        registry.register_with_unit(
            "operation_duration",
            "Time that operations waited for a backend; its count is the number of operations",
            Unit::Seconds,
            operations.clone(),
        );
        registry.register(
            "operation_errors",
            "Operations that ended in an error, by kind",
            errors.clone(),
        );
        Self {
            names: repositories.iter().map(|repository| repository.name.clone()).collect(),
            operations,
            used: repositories
                .iter()
                .map(|_| Action::ALL.map(|_| PerBackend::from_fn(|_| OnceLock::new())))
                .collect(),
            errors,
            counts: Counts::new(repositories.len()),
            policies: Arc::new(PolicyMetrics::register(&mut registry)),
            alerts: Arc::new(AlertMetrics::register(&mut registry)),
            mirror: Arc::new(MirrorMetrics::register(&mut registry, repositories)),
            comparisons: Arc::new(ComparisonMetrics::register(&mut registry)),
            tasks: TaskMetrics::register(&mut registry),
            registry,
        }
    }

    /// The text that Prometheus reads. The failures of policies and the restarts of tasks are counted where they happen, so they are
    /// told here.
    #[must_use]
    pub fn encode(&self, policy_failures: &PerWorld<Failures>, tasks: &[TaskState]) -> String {
        self.policies.failed(policy_failures);
        self.tasks.stand(tasks);
        let mut encoded = String::new();
        // Writing to a String cannot fail.
        let _ = text::encode(&mut encoded, &self.registry);
        encoded
    }

    pub(crate) fn operation(&self, repository: RepositoryId, action: Action, came: &Provenance, error: Option<&Error>) {
        self.counts.operation(repository, action, came, error.is_some());
        let number = usize::from(repository.0);
        if let Some(backend) = came.backend {
            let series = self.used[number][action as usize][backend].get_or_init(|| {
                self.operations.get_or_create_owned(&OperationLabels {
                    repository: self.names[number].clone(),
                    action: action.as_str(),
                    backend: backend.as_str(),
                })
            });
            series.observe(came.database.as_secs_f64());
        }
        if let Some(error) = error {
            let labels = ErrorLabels {
                repository: self.names[number].clone(),
                action: action.as_str(),
                backend: came.backend.map_or("none", Backend::as_str),
                kind: error.kind(),
            };
            self.errors.get_or_create(&labels).inc();
        }
    }
}
