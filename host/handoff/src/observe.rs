use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use turnout_alerts::Alerts;
use turnout_backends::Database;
use turnout_mirror::Mirror;
use turnout_policies::Policies;
use turnout_vocabulary::{Backend, PerBackend, Repository};

use crate::compare::converge::Convergence;
use crate::installed::is_installed;
use crate::metrics::MirrorMetrics;
use crate::mirror_alerts::MirrorAlerts;
use crate::numbers::Sequences;
use crate::seen::{LastSeen, Seen};

/// How long is rested between two looks, and how long for each dirty key that was counted if that is longer: to count one takes
/// 0.2 µs.
const LOOK: Duration = Duration::from_secs(2);
const COUNTED: Duration = Duration::from_micros(10);

/// Keeps in view how far the mirror is behind.
pub(crate) struct Observer {
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) repositories: Arc<[Repository]>,
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) last_seen: Arc<LastSeen>,
    pub(crate) convergence: Arc<Convergence>,
    pub(crate) sequences: Arc<Sequences>,
    pub(crate) metrics: Arc<MirrorMetrics>,
    pub(crate) alerts: Arc<Alerts>,
    pub(crate) policies: Arc<Policies>,
    /// How long changes may wait to be mirrored before people hear of it.
    pub(crate) mirror_age: Duration,
}

impl Observer {
    /// Keeps in view how the mirroring of both sides stands, for as long as the host lives.
    pub(crate) async fn observe(self: Arc<Self>) {
        let mut alerts = MirrorAlerts::default();
        loop {
            let mut dirty = 0;
            let mut has_gaps = false;
            let mut looked_at = 0;
            for (backend, database) in self.backends.iter() {
                notice_copy(database).await;
                if !matches!(is_installed(database).await, Ok(true)) {
                    continue;
                }
                let Ok(seen) = self.last_seen.look_at(backend).await else {
                    continue;
                };
                dirty += seen.standing.iter().map(|table| table.dirty).sum::<u64>();
                has_gaps |= !seen.gaps.is_empty();
                self.measure(backend, &seen);
                let now = self.policies.in_force();
                for alert in alerts.look(backend, &seen, self.mirror_age, &now.converged) {
                    self.alerts.raise(alert.under(now.epoch));
                }
                looked_at += 1;
            }
            if has_gaps {
                self.convergence.converge_once();
            }
            if looked_at == Backend::ALL.len() {
                self.sequences.look().await;
            }
            let counted = u32::try_from(dirty).unwrap_or(u32::MAX);
            sleep(LOOK.max(COUNTED * counted)).await;
        }
    }

    fn measure(&self, source: Backend, seen: &Seen) {
        for repository in &*self.repositories {
            if let Some(standing) = seen.of(repository) {
                let applied = self.mirror.throughput(source, repository.id).applied;
                let metrics = &self.metrics;
                metrics.seen(source, repository, standing, applied);
            }
        }
    }
}

/// Stops using the installation of a side whose database was replaced by a copy of the other one while the host ran.
async fn notice_copy(database: &Database) {
    let backend = database.backend();
    let installed_for = database.installed_for().await;
    if matches!(installed_for, Ok(Some(side)) if side != backend)
        && matches!(is_installed(database).await, Ok(true))
        && database.refresh_schema().await.is_ok()
    {
        tracing::error!(
            %backend,
            "the database has the installation of the other side, as a copy has, and it is not used; run `turnout install` for this side"
        );
    }
}
