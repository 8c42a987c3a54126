use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use turnout_runtime::Failures;
use turnout_vocabulary::Epoch;

use crate::{PerWorld, Worlds};

/// The upper bounds of the buckets of one call of a policy, in seconds.
const CALL_BUCKETS: [f64; 10] = [2e-7, 5e-7, 1e-6, 2e-6, 5e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1];

/// The upper bounds of the buckets of a handoff, in seconds.
const RELOAD_BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WorldLabels {
    world: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    world: &'static str,
    why: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

/// How the policies do.
pub struct PolicyMetrics {
    epoch: Gauge,
    calls: Family<WorldLabels, Histogram, fn() -> Histogram>,
    /// Those of `calls` that were used, by world: what was never used is not printed.
    used: Vec<(&'static str, OnceLock<Histogram>)>,
    failures: Family<FailureLabels, Counter>,
    too_large: Family<WorldLabels, Counter>,
    differences: Family<WorldLabels, Counter>,
    /// How often the breaker took a set out of force.
    pub broken: Counter,
    reads_not_followed: Counter,
    reloads: Family<ResultLabels, Counter>,
    reload_time: Histogram,
}

impl PolicyMetrics {
    /// Nothing counted yet, shown by this registry.
    pub fn register(registry: &mut Registry) -> Self {
        let calls =
            Family::<WorldLabels, Histogram, fn() -> Histogram>::new_with_constructor(|| Histogram::new(CALL_BUCKETS));
        let metrics = Self {
            epoch: Gauge::default(),
            calls,
            used: Worlds::default()
                .names()
                .map(|world| (world, OnceLock::new()))
                .collect(),
            failures: Family::default(),
            too_large: Family::default(),
            differences: Family::default(),
            broken: Counter::default(),
            reads_not_followed: Counter::default(),
            reloads: Family::default(),
            reload_time: Histogram::new(RELOAD_BUCKETS),
        };
        registry.register("epoch", "The number of the policy set in force", metrics.epoch.clone());
        registry.register_with_unit(
            "policy_duration",
            "Time that one call of a policy took; its count is the number of calls",
            Unit::Seconds,
            metrics.calls.clone(),
        );
        registry.register(
            "policy_failures",
            "Instances of a policy that were discarded, by the bound that they ran into, or because they trapped",
            metrics.failures.clone(),
        );
        registry.register(
            "policy_too_large",
            "Modules that were refused because of their size",
            metrics.too_large.clone(),
        );
        registry.register(
            "policy_differences",
            "Answers of a version in the shadow that differed from the stable one's",
            metrics.differences.clone(),
        );
        registry.register(
            "policy_breaker",
            "Times that policies were taken out of force because they kept failing",
            metrics.broken.clone(),
        );
        registry.register(
            "policy_reads_not_followed",
            "Reads that a policy sent to a side whose rows are not kept equal, and that the authority answered",
            metrics.reads_not_followed.clone(),
        );
        registry.register(
            "policy_reloads",
            "Changes of the policies, by what became of them",
            metrics.reloads.clone(),
        );
        registry.register_with_unit(
            "policy_reload_duration",
            "Time that a handoff to changed policies took",
            Unit::Seconds,
            metrics.reload_time.clone(),
        );
        for world in Worlds::default().names() {
            metrics.too_large(world);
            metrics.differences(world);
        }
        for result in ["accepted", "refused"] {
            metrics.reloads.get_or_create_owned(&ResultLabels { result });
        }
        metrics
    }

    pub(crate) fn epoch(&self, epoch: Epoch) {
        self.epoch.set(i64::try_from(epoch.get()).unwrap_or(i64::MAX));
    }

    /// Modules of a world that were refused for their size.
    pub(crate) fn too_large(&self, world: &'static str) -> Counter {
        self.too_large.get_or_create_owned(&WorldLabels { world })
    }

    /// Answers of versions in the shadow that differed in a world.
    pub(crate) fn differences(&self, world: &'static str) -> Counter {
        self.differences.get_or_create_owned(&WorldLabels { world })
    }

    /// Tells how many instances failed in all: they are counted where they do.
    pub fn failed(&self, failures: &PerWorld<Failures>) {
        for (world, failures) in failures.iter() {
            let Failures {
                time,
                memory,
                table,
                trap,
            } = *failures;
            for (why, count) in [("time", time), ("memory", memory), ("table", table), ("trap", trap)] {
                let counter = self.failures.get_or_create_owned(&FailureLabels { world, why });
                counter.inner().store(count, Ordering::Relaxed);
            }
        }
    }

    /// A policy of the world of that name answered on behalf of an operation.
    pub fn called(&self, world: &str, took: Duration) {
        if let Some((world, used)) = self.used.iter().find(|(name, _)| *name == world) {
            let series = used.get_or_init(|| self.calls.get_or_create_owned(&WorldLabels { world }));
            series.observe(took.as_secs_f64());
        }
    }

    /// A read plan named a side whose rows are not kept equal.
    pub fn read_not_followed(&self) {
        self.reads_not_followed.inc();
    }

    /// A changed set is in force after this time.
    pub fn reloaded(&self, took: Duration) {
        self.reloads.get_or_create(&ResultLabels { result: "accepted" }).inc();
        self.reload_time.observe(took.as_secs_f64());
    }

    /// A changed set was refused.
    pub fn reload_refused(&self) {
        self.reloads.get_or_create(&ResultLabels { result: "refused" }).inc();
    }
}
