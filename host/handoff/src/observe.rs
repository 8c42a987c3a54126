use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use turnout_backends::{Database, Error, Gap, MirrorStanding, ParkedKey};
use turnout_vocabulary::{Backend, Repository};

use crate::Handoffs;
use crate::mirror_alerts::MirrorAlerts;

/// How long is rested between two looks, and how long for each dirty key that was counted if that is longer: to count one takes
/// 0.2 µs.
const LOOK: Duration = Duration::from_secs(2);
const COUNTED: Duration = Duration::from_micros(10);

/// How the mirroring of one side's changes stood when it was last seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When.
    pub at: Instant,
    /// The tables.
    pub standing: Vec<MirrorStanding>,
    /// Why keys are parked; of the first thousand.
    pub parked: Vec<ParkedFor>,
    /// The repositories of which changes may not all have been captured.
    pub gaps: Vec<Gap>,
}

/// Parked keys of one repository that have the same reason. No key and no value is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedFor {
    /// The repository.
    pub repository: String,
    /// Why they could not be applied, as PostgreSQL counts errors.
    pub sqlstate: String,
    /// The constraint that they violate, or what else is to blame.
    pub reason: String,
    /// How many they are.
    pub keys: u64,
    /// The most attempts that one of them had.
    pub attempts: u32,
}

impl Seen {
    /// Looks at a side.
    async fn now(database: &Database) -> Result<Self, Error> {
        let standing = database.mirror_standing().await?;
        let is_parked = standing.iter().any(|table| table.parked > 0);
        let parked = if is_parked {
            database.parked().await?
        } else {
            Vec::new()
        };
        Ok(Self {
            at: Instant::now(),
            standing,
            parked: by_reason(parked),
            gaps: database.gaps().await?,
        })
    }

    /// How one repository stood.
    #[must_use]
    pub fn of(&self, repository: &Repository) -> Option<&MirrorStanding> {
        self.standing
            .iter()
            .find(|table| table.schema == repository.schema && table.table == repository.name)
    }

    /// Whether changes of a repository may not all have been captured.
    pub(crate) fn has_gap(&self, repository: &str) -> bool {
        self.gaps.iter().any(|gap| gap.repository == repository)
    }
}

/// Those with the same reason together.
fn by_reason(keys: Vec<ParkedKey>) -> Vec<ParkedFor> {
    let mut together = BTreeMap::new();
    for key in keys {
        let (keys, attempts) = together
            .entry((key.table, key.sqlstate, key.reason))
            .or_insert((0, key.attempts));
        *keys += 1;
        *attempts = key.attempts.max(*attempts);
    }
    together
        .into_iter()
        .map(|((repository, sqlstate, reason), (keys, attempts))| ParkedFor {
            repository,
            sqlstate,
            reason,
            keys,
            attempts,
        })
        .collect()
}

impl Handoffs {
    /// Keeps in view how the mirroring of both sides stands, for as long as the host lives.
    pub(super) async fn observe(self: Arc<Self>) {
        let mut alerts = MirrorAlerts::default();
        loop {
            let mut dirty = 0;
            let mut has_gaps = false;
            let mut looked_at = 0;
            for backend in Backend::ALL {
                self.notice_copy(backend).await;
                if !matches!(self.is_installed(backend).await, Ok(true)) {
                    continue;
                }
                let Ok(seen) = self.look_at(backend).await else {
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
                self.converge_once();
            }
            if looked_at == Backend::ALL.len() {
                self.look_at_numbers().await;
            }
            let counted = u32::try_from(dirty).unwrap_or(u32::MAX);
            sleep(LOOK.max(COUNTED * counted)).await;
        }
    }

    /// Stops using the installation of a side whose database was replaced by a copy of the other one while the host ran.
    async fn notice_copy(&self, backend: Backend) {
        let database = &self.backends[backend];
        let installed_for = database.installed_for().await;
        if matches!(installed_for, Ok(Some(side)) if side != backend)
            && matches!(self.is_installed(backend).await, Ok(true))
            && database.refresh_schema().await.is_ok()
        {
            tracing::error!(
                %backend,
                "the database has the installation of the other side, as a copy has, and it is not used; run `turnout install` for this side"
            );
        }
    }

    /// Looks at a side.
    pub(crate) async fn look_at(&self, backend: Backend) -> Result<Arc<Seen>, Error> {
        let seen = Arc::new(Seen::now(&self.backends[backend]).await?);
        self.seen[backend].store(Some(Arc::clone(&seen)));
        Ok(seen)
    }

    /// How the mirroring of one side's changes stood when it was last seen.
    #[must_use]
    pub fn seen(&self, backend: Backend) -> Option<Arc<Seen>> {
        self.seen[backend].load_full()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parked_keys_are_told_by_reason_without_their_keys() {
        let parked = |key: &str, attempts, reason: &str| ParkedKey {
            table: "clients".into(),
            key: key.into(),
            attempts,
            sqlstate: "23505".into(),
            reason: reason.into(),
        };
        let told = by_reason(vec![
            parked(r#"{"id":1}"#, 3, "phone"),
            parked(r#"{"id":2}"#, 12, "phone"),
            parked(r#"{"id":3}"#, 1, "email"),
        ]);
        let told: Vec<_> = told
            .iter()
            .map(|reason| (reason.reason.as_str(), reason.keys, reason.attempts))
            .collect();
        assert_eq!(told, [("email", 1, 1), ("phone", 2, 12)]);
    }
}
