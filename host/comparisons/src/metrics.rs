use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use turnout_vocabulary::{ComparisonSource, Repository};

use crate::counts::What;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    repository: String,
    source: &'static str,
    result: &'static str,
}

/// What this host compared.
#[derive(Debug)]
pub struct ComparisonMetrics {
    comparisons: Family<Labels, Counter>,
}

impl ComparisonMetrics {
    /// Registers them.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let comparisons = Family::default();
        registry.register(
            "comparisons",
            "Rows and reads that were compared between both sides, by what led to them and by result",
            comparisons.clone(),
        );
        Self { comparisons }
    }

    pub(crate) fn compared(&self, repository: &Repository, source: ComparisonSource, what: What, rows: u64) {
        let labels = Labels {
            repository: repository.name.clone(),
            source: source.as_str(),
            result: what.as_str(),
        };
        self.comparisons.get_or_create(&labels).inc_by(rows);
    }
}
