use turnout_backends::{Error as BackendError, Gap, GapKind, Traces};
use turnout_policies::{Era, InForce};
use turnout_vocabulary::{Epoch, PerBackend, Repository, RepositoryId};

use crate::gate::may_move;
use crate::{Handoffs, Obstacle};

impl Handoffs {
    /// The repositories of which changes may not all have been captured, on either side.
    pub(crate) async fn gaps(&self) -> Result<Vec<Gap>, BackendError> {
        let (mut gaps, on_new) = tokio::try_join!(self.backends.old.gaps(), self.backends.new.gaps())?;
        gaps.extend(on_new);
        Ok(gaps)
    }

    /// The gaps that are left when the repositories have been compared of which rows may change hands.
    pub(crate) async fn gaps_left(&self, now: &InForce, next: &Era) -> Result<Vec<Gap>, BackendError> {
        let gaps = self.gaps().await?;
        let is_in_the_way = |repository: &Repository| {
            now.is_converged(repository) && has_gap(&gaps, repository) && may_move(now, next, repository)
        };
        if now.epoch == Epoch::new(0) || !self.repositories.iter().any(is_in_the_way) {
            return Ok(gaps);
        }
        if let Err(error) = self.converge().await {
            tracing::debug!(%error, "the comparison of both sides waits");
        }
        self.gaps().await
    }

    /// What is to be known of a repository before its sides are compared; `None` while changes of it are missed, as a comparison would
    /// prove nothing.
    pub(crate) async fn before_comparison(
        &self,
        repository: &Repository,
        gaps: &[Gap],
    ) -> Result<Option<PerBackend<Traces>>, BackendError> {
        let is_served = |gap: &Gap| !matches!(gap.kind, GapKind::NotServed(_) | GapKind::Missing);
        if !gaps
            .iter()
            .filter(|gap| gap.repository == repository.name)
            .all(is_served)
        {
            return Ok(None);
        }
        let (old, new) = tokio::try_join!(
            self.backends.old.before_comparison(repository),
            self.backends.new.before_comparison(repository)
        )?;
        let mut is_captured = true;
        for gap in self.gaps().await? {
            if gap.repository == repository.name && gap.is_open() {
                self.backends[gap.backend].must_be_compared(repository).await?;
                is_captured = false;
            }
        }
        Ok(is_captured.then_some(PerBackend { old, new }))
    }

    /// Refuses that rows change hands of which changes are missed now.
    pub(crate) fn refuse_open_gaps(&self, gaps: &[Gap], changing: &[RepositoryId]) -> Result<(), Obstacle> {
        let open = gaps.iter().find(|gap| {
            gap.is_open()
                && changing
                    .iter()
                    .any(|id| self.repositories[usize::from(id.0)].name == gap.repository)
        });
        match open {
            Some(gap) => Err(Obstacle::Because(format!("{gap}, and make the change again"))),
            None => Ok(()),
        }
    }
}

/// What is in force, where no repository with a gap counts as compared.
pub(crate) fn without_gaps(now: &InForce, gaps: &[Gap]) -> InForce {
    let mut now = now.clone();
    now.converged
        .retain(|name| !gaps.iter().any(|gap| gap.repository == *name));
    now
}

/// Whether changes of a repository may not all have been captured.
pub(crate) fn has_gap(gaps: &[Gap], repository: &Repository) -> bool {
    gaps.iter().any(|gap| gap.repository == repository.name)
}

/// A repository that is not captured can't be mirrored.
pub(crate) fn refuse_not_served(gaps: &[Gap], repository: &Repository) -> Result<(), Obstacle> {
    let not_served = gaps
        .iter()
        .find(|gap| gap.repository == repository.name && matches!(gap.kind, GapKind::NotServed(_)));
    match not_served {
        Some(gap) => Err(Obstacle::Because(format!(
            "these policies mirror {}, and {gap}",
            repository.name
        ))),
        None => Ok(()),
    }
}
