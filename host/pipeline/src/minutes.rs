//! What this host does, minute by minute: counted in memory, and kept on the side `new` for `turnout report`.

mod counts;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use turnout_alerts::Alerts;
use turnout_backends::{Database, MinuteAlerts, MinuteRow};
use turnout_handoff::Handoffs;
use turnout_supervisor::{Need, Supervisor};
use turnout_vocabulary::{Backend, PerBackend, Repository, RepositoryId};
use uuid::Uuid;

use crate::Metrics;
pub(crate) use counts::Counts;

/// How often is looked whether a minute is over, and how the mirror stands.
const LOOK: Duration = Duration::from_secs(2);

/// How many minutes wait at most while `new` is down. The oldest go first.
const WAITING: usize = 60;

/// How long a write to `new` may take: the next minute ends meanwhile.
const PATIENCE: Duration = Duration::from_secs(20);

/// Keeps what a host does on the side `new`, beside its requests.
pub struct MinuteKeeper {
    backends: Arc<PerBackend<Database>>,
    handoffs: Arc<Handoffs>,
    alerts: Arc<Alerts>,
    metrics: Arc<Metrics>,
    repositories: Arc<[Repository]>,
    /// The machine and this start of the host: what is said of a minute under one such name is said once.
    host: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The minute under way, in minutes of Unix time.
    minute: u64,
    /// How far the mirror of each repository was behind within it, by the side that changed.
    mirror: BTreeMap<(RepositoryId, Backend), Behind>,
    waiting: VecDeque<Minute>,
}

/// The most that was seen.
#[derive(Clone, Copy, Default)]
struct Behind {
    age: Duration,
    dirty: u64,
}

struct Minute {
    rows: Vec<MinuteRow>,
    alerts: Vec<MinuteAlerts>,
}

impl MinuteKeeper {
    /// Has kept nothing yet. `machine` is what this machine is called.
    #[must_use]
    pub fn new(
        backends: &Arc<PerBackend<Database>>,
        handoffs: &Arc<Handoffs>,
        alerts: &Arc<Alerts>,
        metrics: &Arc<Metrics>,
        repositories: &Arc<[Repository]>,
        machine: &str,
    ) -> Self {
        let start = Uuid::now_v7().simple().to_string();
        Self {
            backends: Arc::clone(backends),
            handoffs: Arc::clone(handoffs),
            alerts: Arc::clone(alerts),
            metrics: Arc::clone(metrics),
            repositories: Arc::clone(repositories),
            host: format!("{machine} {start}"),
            state: Mutex::new(State {
                minute: this_minute(),
                ..State::default()
            }),
        }
    }

    /// Starts the task that keeps each minute when it is over. Must be called inside a tokio runtime.
    pub fn work(self: &Arc<Self>, supervisor: &Supervisor) {
        let keeper = Arc::clone(self);
        let task = supervisor.keep("minutes", Need::Optional, move || {
            let keeper = Arc::clone(&keeper);
            async move {
                loop {
                    sleep(LOOK).await;
                    let mut state = keeper.state.lock().await;
                    keeper.look_at_mirror(&mut state);
                    if this_minute() > state.minute {
                        keeper.end_minute(&mut state);
                        keeper.write(&mut state).await;
                    }
                }
            }
        });
        task.detach();
    }

    /// Keeps what was done since the last minute that was kept, when the host stops; gives up after this time.
    pub async fn stop(&self, within: Duration) {
        let kept = timeout(within, async {
            let mut state = self.state.lock().await;
            self.look_at_mirror(&mut state);
            self.end_minute(&mut state);
            self.write(&mut state).await;
        });
        if kept.await.is_err() {
            tracing::warn!("what the host did in its last minute is not kept: backend new did not answer in time");
        }
    }

    fn look_at_mirror(&self, state: &mut State) {
        for source in Backend::ALL {
            let Some(seen) = self.handoffs.seen(source) else {
                continue;
            };
            for repository in &*self.repositories {
                if let Some(standing) = seen.of(repository) {
                    let behind = state.mirror.entry((repository.id, source)).or_default();
                    behind.age = behind.age.max(standing.oldest.unwrap_or_default());
                    behind.dirty = behind.dirty.max(standing.dirty);
                }
            }
        }
    }

    /// Puts the minute that is over among those that wait to be kept.
    fn end_minute(&self, state: &mut State) {
        let minute = std::mem::replace(&mut state.minute, this_minute()) * 60;
        let name = |id: RepositoryId| self.repositories[usize::from(id.0)].name.clone();
        let mut rows = self.metrics.counts.take(minute, name);
        rows.extend(mirror_rows(minute, &std::mem::take(&mut state.mirror), name));
        let alerts = self.alerts.take_counts().into_iter();
        let alerts = alerts.map(|((kind, severity), alerts)| MinuteAlerts {
            minute,
            kind: kind.as_str(),
            severity: severity.as_str(),
            alerts,
        });
        state.waiting.push_back(Minute {
            rows,
            alerts: alerts.collect(),
        });
        while state.waiting.len() > WAITING {
            state.waiting.pop_front();
        }
    }

    /// Writes what waits, in one statement. While `new` can't take it, it goes on waiting.
    async fn write(&self, state: &mut State) {
        let rows: Vec<MinuteRow> = state.waiting.iter().flat_map(|minute| minute.rows.clone()).collect();
        let alerts: Vec<MinuteAlerts> = state.waiting.iter().flat_map(|minute| minute.alerts.clone()).collect();
        let added = self.backends.new.add_minutes(&self.host, &rows, &alerts);
        match timeout(PATIENCE, added).await {
            Ok(Ok(())) => state.waiting.clear(),
            Ok(Err(error)) => tracing::debug!(%error, "what was done in the last minutes can't be kept yet"),
            Err(_) => {
                tracing::debug!("what was done in the last minutes can't be kept yet: backend new does not answer");
            }
        }
    }
}

/// How far the mirror was behind. Repositories that were not take one row together for each side: most minutes have no others.
fn mirror_rows(
    minute: u64,
    mirror: &BTreeMap<(RepositoryId, Backend), Behind>,
    name: impl Fn(RepositoryId) -> String,
) -> Vec<MinuteRow> {
    let row = |repository: String, source: Backend, Behind { age, dirty }: Behind| MinuteRow {
        minute,
        repository,
        action: "mirror",
        backend: source.as_str(),
        mirror_age_ms: Some(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        dirty: Some(dirty),
        ..MinuteRow::default()
    };
    let of_side = |side: Backend| {
        let looked_at = mirror.iter().filter(move |((_, source), _)| *source == side);
        let behind = looked_at.clone().filter(|(_, behind)| behind.dirty > 0);
        let mut rows: Vec<_> = behind
            .map(|((id, source), behind)| row(name(*id), *source, *behind))
            .collect();
        if rows.is_empty() && looked_at.count() > 0 {
            rows.push(row(String::new(), side, Behind::default()));
        }
        rows
    };
    Backend::ALL.into_iter().flat_map(of_side).collect()
}

fn this_minute() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_that_are_not_behind_share_a_row() {
        let behind = |dirty| Behind {
            age: Duration::from_secs(dirty),
            dirty,
        };
        let mut mirror = BTreeMap::new();
        let rows = |mirror: &BTreeMap<_, _>| {
            let rows = mirror_rows(60, mirror, |id| id.0.to_string());
            let told = rows
                .into_iter()
                .map(|row| (row.repository, row.backend, row.dirty, row.mirror_age_ms));
            told.collect::<Vec<_>>()
        };
        assert!(rows(&mirror).is_empty());
        for (repository, source, dirty) in [
            (0, Backend::Old, 0),
            (1, Backend::Old, 0),
            (0, Backend::New, 0),
            (1, Backend::New, 3),
        ] {
            mirror.insert((RepositoryId(repository), source), behind(dirty));
        }
        assert_eq!(
            rows(&mirror),
            [
                (String::new(), "old", Some(0), Some(0)),
                ("1".to_owned(), "new", Some(3), Some(3000)),
            ]
        );
    }
}
