use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use turnout_vocabulary::{Backend, Repository, Subject};

use crate::Run;
use crate::glance::{Glance, Glances};
use crate::own_writes::OwnWrites;
use crate::provenance::Staleness;

/// How often is looked whether the other side's changes have arrived.
const GLANCE: Duration = Duration::from_millis(5);

/// What reads must know of the mirror.
pub struct Freshness {
    /// How long a read waits for the changes that it might miss.
    wait: Duration,
    glances: Glances,
    pub(crate) own_writes: OwnWrites,
}

impl Freshness {
    /// Nothing is known yet. A read that spans authorities waits for at most `wait`.
    #[must_use]
    pub fn new(wait: Duration) -> Self {
        Self {
            wait,
            glances: Glances::default(),
            own_writes: OwnWrites::default(),
        }
    }
}

impl Run<'_> {
    /// Waits until those changes of the other side to these repositories are mirrored that were there before. If they are not in time,
    /// the answer will say so.
    pub(crate) async fn await_other_side(&mut self, reads: Backend, repositories: &[&Repository]) {
        if repositories.is_empty() {
            return;
        }
        let source = reads.other();
        let mirror = &self.pipeline.mirror;
        let began = Instant::now();
        let mut oldest = None;
        let arrived = async {
            loop {
                let glance = self.glance(source).await?;
                let mut all = repositories.iter();
                if all.clone().all(|repository| glance.is_past(repository, began)) {
                    return Some(());
                }
                oldest = all.clone().filter_map(|repository| glance.oldest(repository)).max();
                if all.any(|repository| glance.has_parked(repository)) {
                    return None;
                }
                mirror.hurry(source);
                sleep(GLANCE).await;
            }
        };
        let arrived = timeout(self.pipeline.freshness.wait, arrived).await;
        self.provenance.database += began.elapsed();
        if arrived != Ok(Some(())) {
            self.provenance.staleness = Some(oldest.map_or(Staleness::Unknown, Staleness::Age));
        }
    }

    /// Whether the mirror may lack a write that this host made for a subject.
    pub(crate) async fn misses_own_writes(&self, subject: Option<&Subject>, authority: Backend) -> bool {
        let own_writes = &self.pipeline.freshness.own_writes;
        let Some(last) = own_writes.last(self.repository.id, subject, &self.pipeline.mirror) else {
            return false;
        };
        let glance = match timeout(self.pipeline.freshness.wait, self.glance(authority)).await {
            Ok(Some(glance)) => Some(glance),
            _ => self
                .pipeline
                .handoffs
                .seen(authority)
                .and_then(|seen| Glance::before(&seen)),
        };
        glance.is_none_or(|glance| {
            own_writes.forget(self.repository, authority, &glance);
            !glance.is_past(self.repository, last)
        })
    }

    async fn glance(&self, side: Backend) -> Option<Glance> {
        self.pipeline.freshness.glances.at(&self.pipeline.backends, side).await
    }

    /// Notes how old what the mirror lacks may be.
    pub(crate) fn note_mirrors_age(&mut self, authority: Option<Backend>) {
        let seen = authority.and_then(|authority| self.pipeline.handoffs.seen(authority));
        let age = seen.and_then(|seen| Some(seen.of(self.repository)?.oldest.unwrap_or_default() + seen.at.elapsed()));
        self.provenance.staleness = Some(age.map_or(Staleness::Unknown, Staleness::Age));
    }

    /// How old the oldest change of this side was that was not mirrored when it was last seen.
    pub(crate) fn mirror_lag(&self, authority: Backend) -> Option<Duration> {
        let seen = self.pipeline.handoffs.seen(authority)?;
        Some(seen.of(self.repository)?.oldest.unwrap_or_default())
    }
}
