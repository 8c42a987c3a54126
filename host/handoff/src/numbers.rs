use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::{Instant, sleep};
use turnout_backends::Database;
use turnout_mirror::{Numbered, Numbers, Unnumbered};
use turnout_policies::{Era, InForce, Policies};
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository, RepositoryId, Span};

use crate::obstacle::Obstacle;

/// How long a handoff rests before it asks again for a sequence that another transaction holds.
const PAUSE: Duration = Duration::from_millis(50);

/// The sequences of both sides.
pub(crate) struct Sequences {
    pub(crate) policies: Arc<Policies>,
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) repositories: Arc<[Repository]>,
    /// How long operations may wait for a handoff.
    pub(crate) budget: Duration,
    /// Those that did not count as they must when they were last looked at.
    pub(crate) unnumbered: ArcSwap<Vec<Unnumbered>>,
}

impl Sequences {
    /// Has the sequences of both sides hand out different numbers wherever both sides can insert from now on, and the sequences of a
    /// side that takes over go on beyond the numbers of the other. Both fences stand, so no write of the new epoch that changes hands
    /// has taken a number.
    pub(crate) async fn set_apart(&self, next: &InForce) -> Result<(), Obstacle> {
        let changes = |id: RepositoryId| next.leaving.iter().any(|era| span(era, id) != next.era.span(id));
        if !self.repositories.iter().any(|repository| changes(repository.id)) {
            return Ok(());
        }
        let before = |id| {
            next.leaving
                .first()
                .map_or(Span::One(Backend::Old), |era| span(era, id))
        };
        self.set_apart_since(next, before).await
    }

    /// The same, by the sides that could insert before.
    pub(crate) async fn set_apart_since(
        &self,
        next: &InForce,
        before: impl Fn(RepositoryId) -> Span,
    ) -> Result<(), Obstacle> {
        let until = Instant::now() + self.budget / 2;
        loop {
            let numbered = self
                .numbers(next.epoch)
                .set_apart(|id| next.era.span(id), &before)
                .await?;
            told(&numbered);
            let may_wait = numbered.troubles.iter().all(|trouble| trouble.is_held) && Instant::now() < until;
            match numbered.troubles.first() {
                None => return Ok(()),
                Some(_) if may_wait => sleep(PAUSE).await,
                Some(_) => return Err(Obstacle::Because(in_the_way(&numbered.troubles))),
            }
        }
    }

    /// Gives the sequences of repositories that one side alone can insert into from now on their own steps back. What another
    /// transaction holds keeps its doubled step, which collides with nothing, until it is looked at again.
    pub(crate) async fn set_back(&self, next: &InForce) {
        let came_together = |id: RepositoryId| {
            next.era.span(id) != Span::Both && next.leaving.iter().any(|era| span(era, id) == Span::Both)
        };
        if self.repositories.iter().any(|repository| came_together(repository.id)) {
            match self.numbers(next.epoch).set_back(|id| next.era.span(id)).await {
                Ok(numbered) => told(&numbered),
                Err(error) => tracing::debug!(%error, "sequences keep their doubled steps for now"),
            }
        }
    }

    /// Has the side that takes over by force hand out no number that is known there. What keeps it from that is told and does not hold
    /// up the failover.
    pub(crate) async fn take_over(&self, to: Backend, epoch: Epoch) {
        let numbered = match self.numbers(epoch).take_over(to).await {
            Ok(numbered) => numbered,
            Err(error) => {
                tracing::warn!(%error, "after the failover, numbers may be handed out twice");
                return;
            }
        };
        told(&numbered);
        for trouble in &numbered.troubles {
            tracing::warn!(repository = trouble.repository, %trouble, "after the failover, numbers may be handed out twice");
        }
    }

    /// Looks whether all sequences count as they must, and mends those that somebody has set otherwise.
    pub(crate) async fn look(&self) {
        let now = self.policies.in_force();
        if !now.leaving.is_empty() || now.epoch == Epoch::new(0) {
            return;
        }
        // A forced failover has set those of the living side, and the other may be dead.
        if now.forced.is_some() {
            return;
        }
        let Ok(numbered) = self.numbers(now.epoch).mend(|id| now.span(id)).await else {
            return;
        };
        for (backend, sequence) in &numbered.changed {
            tracing::warn!(
                %backend,
                sequence,
                "a sequence did not count as the sides that can insert ask for, and was set to: somebody may have set it otherwise"
            );
        }
        let known = self.unnumbered.load_full();
        for trouble in numbered.troubles.iter().filter(|trouble| !known.contains(trouble)) {
            tracing::warn!(repository = trouble.repository, "{trouble}");
        }
        self.unnumbered.store(Arc::new(numbered.troubles));
    }

    /// The sequences that did not count as they must when they were last looked at.
    pub(crate) fn unnumbered(&self) -> Arc<Vec<Unnumbered>> {
        self.unnumbered.load_full()
    }

    fn numbers(&self, epoch: Epoch) -> Numbers<'_> {
        Numbers {
            backends: &self.backends,
            repositories: &self.repositories,
            epoch,
        }
    }
}

/// The sides that could insert under an era. Before the first epoch everything is on `old`, whatever this host's policies say.
fn span(era: &Era, repository: RepositoryId) -> Span {
    if era.epoch == Epoch::new(0) {
        Span::One(Backend::Old)
    } else {
        era.span(repository)
    }
}

fn told(numbered: &Numbered) {
    for (backend, sequence) in &numbered.changed {
        tracing::debug!(%backend, sequence, "a sequence counts otherwise");
    }
}

/// Why a change waits for sequences, in words.
fn in_the_way(troubles: &[Unnumbered]) -> String {
    let repositories: BTreeSet<&str> = troubles.iter().map(|trouble| trouble.repository.as_str()).collect();
    let reasons: Vec<String> = troubles.iter().map(ToString::to_string).collect();
    let what_to_do = if troubles.iter().any(|trouble| !trouble.is_held) {
        format!(
            "mend that, or give {} one side for everybody in the routing settings, and make the change again",
            repositories.into_iter().collect::<Vec<_>>().join(", ")
        )
    } else {
        "end those transactions, and make the change again".to_owned()
    };
    format!("{}: {what_to_do}", reasons.join("; "))
}
