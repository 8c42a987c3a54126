use std::ops::Deref;
use std::sync::Arc;

use turnout_runtime::CallError;
use turnout_vocabulary::{Backend, Epoch, Repository, RepositoryId, Span, Subject};

use crate::{Freeze, PolicySet};

/// A policy set under one epoch. The same set can have several.
#[derive(Clone)]
pub struct Era {
    /// The number.
    pub epoch: Epoch,
    /// The policies.
    pub set: Arc<PolicySet>,
    /// The side that a forced failover made the authority of everything.
    pub forced: Option<Backend>,
    /// Why the application's writes are refused; `None` if they are let in.
    pub frozen: Option<Arc<Freeze>>,
}

impl Era {
    /// The one backend that the rows of a subject are written to.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed to say.
    pub fn authority(&self, repository: RepositoryId, subject: Option<&Subject>) -> Result<Backend, CallError> {
        self.forced
            .map_or_else(|| self.set.routing.of(subject).authority(repository, subject), Ok)
    }

    /// Whether the rows of a subject are kept equal on both sides: both policies have to say so. After a forced failover
    /// those of the lost side are, too.
    ///
    /// # Errors
    /// [`CallError`] if a policy failed to say.
    pub fn mirrored(&self, repository: RepositoryId, subject: Option<&Subject>) -> Result<bool, CallError> {
        let routing = self.set.routing.of(subject);
        self.keeps_equal(repository, subject, || routing.authority(repository, subject))
    }

    /// The [`authority`](Self::authority) of a subject's rows and whether they are [`mirrored`](Self::mirrored), in fewer
    /// questions than one after the other.
    ///
    /// # Errors
    /// [`CallError`] if a policy failed to say either.
    pub fn decision(&self, repository: RepositoryId, subject: Option<&Subject>) -> Result<(Backend, bool), CallError> {
        let planned = self.set.routing.of(subject).authority(repository, subject)?;
        let mirrored = self.keeps_equal(repository, subject, || Ok(planned))?;
        Ok((self.forced.unwrap_or(planned), mirrored))
    }

    /// Whether rows are mirrored whose authority is this one unless another is forced.
    fn keeps_equal(
        &self,
        repository: RepositoryId,
        subject: Option<&Subject>,
        authority: impl Fn() -> Result<Backend, CallError>,
    ) -> Result<bool, CallError> {
        if let Some(forced) = self.forced
            && forced != authority()?
        {
            return Ok(true);
        }
        let mirrors = self.set.mirrors(repository, subject);
        let mirrors = mirrors.old && mirrors.new || (mirrors.old || mirrors.new) && mirrors[authority()?];
        Ok(mirrors && self.set.routing.of(subject).mirrored(repository, subject)?)
    }

    /// The backends that can be the authority of a repository's rows.
    #[must_use]
    pub fn span(&self, repository: RepositoryId) -> Span {
        self.forced.map_or_else(|| self.set.span(repository), Span::One)
    }

    /// Whether anything is mirrored or written to `new`, so that Turnout must be installed on both sides.
    ///
    /// # Errors
    /// [`CallError`] if a policy failed to say.
    pub fn needs_mirror(&self, repositories: &[Repository]) -> Result<bool, CallError> {
        for repository in repositories {
            if self.span(repository.id) != Span::One(Backend::Old) || self.mirrored(repository.id, None)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Deref for Era {
    type Target = PolicySet;

    fn deref(&self) -> &PolicySet {
        &self.set
    }
}

/// The policies that decide now. During a handoff the eras that it leaves have their say, too: until it is over, nothing
/// may be done whose authority they disagree about.
#[derive(Clone)]
pub struct InForce {
    /// What decides.
    pub era: Era,
    /// The eras since the last that was released, oldest first; empty while no handoff is under way.
    pub leaving: Vec<Era>,
    /// The repositories whose sides have been compared since they are mirrored as they are.
    pub converged: Vec<String>,
}

impl InForce {
    /// An era that is released.
    #[must_use]
    pub fn steady(era: Era, converged: Vec<String>) -> Self {
        Self {
            era,
            leaving: Vec::new(),
            converged,
        }
    }

    /// The one backend that the rows of a subject are written to; `None` while that changes.
    ///
    /// # Errors
    /// [`CallError`] if a policy failed to say.
    pub fn agreed_authority(
        &self,
        repository: RepositoryId,
        subject: Option<&Subject>,
    ) -> Result<Option<Backend>, CallError> {
        let authority = self.era.authority(repository, subject)?;
        for era in &self.leaving {
            // What fails to say may have said anything before.
            if !era
                .authority(repository, subject)
                .is_ok_and(|before| before == authority)
            {
                return Ok(None);
            }
        }
        Ok(Some(authority))
    }

    /// The backends that can be the authority of a repository's rows, under any of the eras.
    #[must_use]
    pub fn span(&self, repository: RepositoryId) -> Span {
        let span = self.era.span(repository);
        if self.leaving.iter().all(|era| era.span(repository) == span) {
            span
        } else {
            Span::Both
        }
    }

    /// Whether both sides of a repository have been compared since it is mirrored as it is.
    #[must_use]
    pub fn is_converged(&self, repository: &Repository) -> bool {
        self.converged.contains(&repository.name)
    }

    /// Whether both sides are known to have the same rows of a subject, those aside that the mirror has yet to bring. Where a
    /// policy fails to say, they are not.
    #[must_use]
    pub fn has_equal_sides(&self, repository: &Repository, subject: Option<&Subject>) -> bool {
        self.is_converged(repository) && self.mirrored(repository.id, subject).unwrap_or(false)
    }

    /// The era that a change made under an epoch belongs to: the newest that is not newer, else the oldest known.
    #[must_use]
    pub fn era_of(&self, epoch: Epoch) -> &Era {
        let eras = || std::iter::once(&self.era).chain(self.leaving.iter().rev());
        eras()
            .find(|era| era.epoch <= epoch)
            .or(eras().last())
            .unwrap_or(&self.era)
    }
}

impl Deref for InForce {
    type Target = Era;

    fn deref(&self) -> &Era {
        &self.era
    }
}
