use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use turnout_backends::{Database, MirrorStanding};
use turnout_handoff::Seen;
use turnout_vocabulary::{Backend, PerBackend, Repository};

/// How the mirroring of a side stood at one moment.
#[derive(Clone)]
pub(crate) struct Glance {
    began: Instant,
    standing: Arc<[MirrorStanding]>,
}

/// How long a look at a side may take.
const LONGEST_LOOK: Duration = Duration::from_secs(15);

impl Glance {
    /// What was seen of a side before.
    pub(crate) fn before(seen: &Seen) -> Option<Self> {
        Some(Self {
            began: seen.at.checked_sub(LONGEST_LOOK)?,
            standing: seen.standing.clone().into(),
        })
    }

    /// Whether some of its changes will not be mirrored by themselves.
    pub(crate) fn has_parked(&self, repository: &Repository) -> bool {
        self.of(repository).is_some_and(|table| table.parked > 0)
    }

    /// How old the oldest change of a repository is that is not mirrored, parked ones aside.
    pub(crate) fn oldest(&self, repository: &Repository) -> Option<Duration> {
        self.of(repository)?.oldest
    }

    /// Whether all changes of a repository that were made before then are mirrored.
    pub(crate) fn is_past(&self, repository: &Repository, then: Instant) -> bool {
        let since = self.began.checked_duration_since(then);
        since.is_some_and(|since| self.of(repository).is_none_or(|table| is_past(table, since)))
    }

    /// The same of every repository.
    pub(crate) fn is_all_past(&self, then: Instant) -> bool {
        let since = self.began.checked_duration_since(then);
        since.is_some_and(|since| self.standing.iter().all(|table| is_past(table, since)))
    }

    fn of(&self, repository: &Repository) -> Option<&MirrorStanding> {
        let mut tables = self.standing.iter();
        tables.find(|table| table.schema == repository.schema && table.table == repository.table)
    }
}

/// Looks at how the mirroring of each side stands. However many want to know, one looks at a time.
#[derive(Default)]
pub(crate) struct Glances(PerBackend<Mutex<Option<Glance>>>);

impl Glances {
    /// A glance that begins after the call; `None` if the side can't be asked.
    pub(crate) async fn at(&self, backends: &PerBackend<Database>, side: Backend) -> Option<Glance> {
        let wanted = Instant::now();
        let mut last = self.0[side].lock().await;
        if last.as_ref().is_none_or(|glance| glance.began < wanted) {
            let began = Instant::now();
            let standing = backends[side].mirror_standing().await.ok()?.into();
            *last = Some(Glance { began, standing });
        }
        last.clone()
    }
}

/// Whether what a table still has to be mirrored is younger than this.
fn is_past(table: &MirrorStanding, since: Duration) -> bool {
    table.parked == 0 && table.oldest.is_none_or(|age| age < since)
}
