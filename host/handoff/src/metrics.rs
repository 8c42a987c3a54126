use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use turnout_backends::MirrorStanding;
use turnout_vocabulary::{Backend, Repository, RepositoryId};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    /// The side whose changes are mirrored.
    source: &'static str,
    repository: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnappliedLabels {
    repository: String,
    source: &'static str,
    result: &'static str,
}

/// Where the mirror stands, as it was last seen.
pub struct MirrorMetrics {
    dirty: Family<Labels, Gauge>,
    oldest: Family<Labels, Gauge<f64, AtomicU64>>,
    parked: Family<Labels, Gauge>,
    applied: Family<Labels, Counter>,
    unapplied: Family<UnappliedLabels, Counter>,
    names: Box<[String]>,
}

impl MirrorMetrics {
    /// Nothing counted yet, for these repositories in the order of their numbers, shown by this registry.
    pub fn register(registry: &mut Registry, repositories: &[Repository]) -> Self {
        let metrics = Self {
            dirty: Family::default(),
            oldest: Family::default(),
            parked: Family::default(),
            applied: Family::default(),
            unapplied: Family::default(),
            names: repositories.iter().map(|repository| repository.name.clone()).collect(),
        };
        registry.register(
            "mirror_dirty",
            "Changes that wait to be mirrored, by the side that they were made on",
            metrics.dirty.clone(),
        );
        registry.register_with_unit(
            "mirror_oldest",
            "Age of the oldest change that waits to be mirrored; 0 if none does",
            Unit::Seconds,
            metrics.oldest.clone(),
        );
        registry.register(
            "mirror_parked",
            "Keys that could not be mirrored and are parked",
            metrics.parked.clone(),
        );
        registry.register(
            "mirror_applied",
            "Rows that this host has made equal on the other side",
            metrics.applied.clone(),
        );
        registry.register(
            "mirror_unapplied",
            "Dirty keys that were not mirrored: parked after failures, or shown as divergences",
            metrics.unapplied.clone(),
        );
        metrics
    }

    pub(crate) fn diverged(&self, source: Backend, repository: RepositoryId) {
        self.count_unapplied("diverged", source, repository);
    }

    pub(crate) fn parked(&self, source: Backend, repository: RepositoryId) {
        self.count_unapplied("parked", source, repository);
    }

    fn count_unapplied(&self, result: &'static str, source: Backend, repository: RepositoryId) {
        let labels = UnappliedLabels {
            repository: self.names[usize::from(repository.0)].clone(),
            source: source.as_str(),
            result,
        };
        self.unapplied.get_or_create(&labels).inc();
    }

    pub(crate) fn seen(&self, source: Backend, repository: &Repository, standing: &MirrorStanding, applied: u64) {
        let labels = Labels {
            source: source.as_str(),
            repository: repository.name.clone(),
        };
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.dirty.get_or_create(&labels).set(count(standing.dirty));
        self.parked.get_or_create(&labels).set(count(standing.parked));
        let oldest = standing.oldest.as_ref().map_or(0.0, Duration::as_secs_f64);
        self.oldest.get_or_create(&labels).set(oldest);
        // The mirror counts; what it has counted is told here.
        self.applied
            .get_or_create(&labels)
            .inner()
            .store(applied, Ordering::Relaxed);
    }
}
