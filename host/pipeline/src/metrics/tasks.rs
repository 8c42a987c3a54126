use std::sync::atomic::Ordering;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use turnout_supervisor::TaskState;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabels {
    task: String,
}

/// How the host's own tasks do.
pub(super) struct TaskMetrics {
    restarts: Family<TaskLabels, Counter>,
    down: Family<TaskLabels, Gauge>,
}

impl TaskMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            restarts: Family::default(),
            down: Family::default(),
        };
        registry.register(
            "task_restarts",
            "Times that a task of the host ended unexpectedly or panicked, and was started again",
            metrics.restarts.clone(),
        );
        registry.register(
            "task_down",
            "Tasks of the host that failed and wait for their restart",
            metrics.down.clone(),
        );
        metrics
    }

    /// Tells how the tasks stand: the supervisor counts.
    pub(super) fn stand(&self, tasks: &[TaskState]) {
        for state in tasks {
            let labels = TaskLabels {
                task: state.name.clone(),
            };
            let restarts = self.restarts.get_or_create_owned(&labels);
            restarts.inner().store(state.restarts, Ordering::Relaxed);
            self.down.get_or_create_owned(&labels).set(state.down.into());
        }
    }
}
