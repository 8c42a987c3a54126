use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::Alert;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RaisedLabels {
    repository: String,
    kind: &'static str,
    severity: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SentLabels {
    sink: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnsentLabels {
    sink: &'static str,
    why: &'static str,
}

/// How many alerts were raised, sent and not sent.
#[derive(Default)]
pub struct AlertMetrics {
    raised: Family<RaisedLabels, Counter>,
    sent: Family<SentLabels, Counter>,
    unsent: Family<UnsentLabels, Counter>,
}

impl AlertMetrics {
    /// Nothing counted yet, shown by this registry.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("alerts", "What people should hear of, by kind", metrics.raised.clone());
        registry.register(
            "alerts_sent",
            "Messages about alerts that Sentry or the webhook took; each stands for one alert or many of one cause",
            metrics.sent.clone(),
        );
        registry.register(
            "alerts_unsent",
            "Messages about alerts that did not reach Sentry or the webhook",
            metrics.unsent.clone(),
        );
        metrics
    }

    pub(crate) fn raised(&self, alert: &Alert) {
        let labels = RaisedLabels {
            repository: alert.cause.repository.clone().unwrap_or_else(|| "none".to_owned()),
            kind: alert.cause.kind.as_str(),
            severity: alert.severity.as_str(),
        };
        self.raised.get_or_create(&labels).inc();
    }

    pub(crate) fn sent(&self, sink: &'static str) {
        self.sent.get_or_create(&SentLabels { sink }).inc();
    }

    pub(crate) fn unsent(&self, sink: &'static str, why: &'static str) {
        self.unsent.get_or_create(&UnsentLabels { sink, why }).inc();
    }
}
