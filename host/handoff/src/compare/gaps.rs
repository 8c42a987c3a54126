use std::sync::Arc;

use turnout_backends::{Database, Error as BackendError, Gap, GapKind, Traces};
use turnout_policies::InForce;
use turnout_vocabulary::{PerBackend, Repository, RepositoryId};

use crate::obstacle::Obstacle;

/// Of which repositories changes may not all have been captured.
pub(crate) struct Gaps {
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) repositories: Arc<[Repository]>,
}

impl Gaps {
    /// The repositories of which changes may not all have been captured, on either side.
    pub(crate) async fn all(&self) -> Result<Vec<Gap>, BackendError> {
        let (mut gaps, on_new) = tokio::try_join!(self.backends.old.gaps(), self.backends.new.gaps())?;
        gaps.extend(on_new);
        Ok(gaps)
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
        for gap in self.all().await? {
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
