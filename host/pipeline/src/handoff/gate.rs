use std::collections::HashSet;
use std::sync::Arc;

use turnout_backends::Error as BackendError;
use turnout_runtime::CallError;
use turnout_vocabulary::{Backend, Epoch, Filter, Repository, RepositoryId, Span, Subject};

use super::{Handoffs, Obstacle};
use crate::PolicySet;
use crate::policies::{Era, InForce};
use crate::subjects::normalise;

/// What a set that may come into force brings along.
#[derive(Clone, Debug, Default)]
pub(super) struct Passed {
    /// The repositories that need not be compared again.
    pub(super) converged: Vec<String>,
    /// Repositories with subjects that change hands though nothing shows yet that both sides have the same rows of them.
    pub(super) unproven: Vec<RepositoryId>,
}

impl Handoffs {
    /// Whether a set may come into force. `None` means at once: without an installation there is nothing to hand off, and
    /// the set touches `old` only.
    pub(super) async fn gate(&self, now: &InForce, set: &Arc<PolicySet>) -> Result<Option<Passed>, Obstacle> {
        let era = Era {
            epoch: Epoch::new(0),
            set: Arc::clone(set),
            forced: None,
        };
        for backend in Backend::ALL {
            match self.is_installed(backend).await {
                Ok(true) => {}
                Ok(false) if !self.needs_mirror(&era).await? => return Ok(None),
                Ok(false) => {
                    return Err(Obstacle::Because(format!(
                        "these policies mirror repositories or write to new, and backend {backend} has no installation: \
                         run `turnout install {backend}`"
                    )));
                }
                Err(error) => return Err(error.into()),
            }
        }
        let mut passed = Passed::default();
        for repository in &*self.repositories {
            let subjects = self.subjects(repository).await?;
            self.check_parents(&era, repository, &subjects).await?;
            prove(now, &era, repository, &subjects, &mut passed)?;
        }
        if now.epoch == Epoch::new(0) {
            // There is no set to go back to, so the proof comes before the first step, too.
            self.prove_equal(&InForce::steady(era, Vec::new()), &passed.unproven)
                .await?;
        }
        Ok(Some(passed))
    }

    /// The repositories with subjects that change hands though nothing shows that both sides have the same rows of them.
    /// Asked once more when both fences stand: a subject may have got its first row since the gate.
    pub(super) async fn unproven(&self, now: &InForce, era: &Era) -> Result<Vec<RepositoryId>, Obstacle> {
        let mut passed = Passed::default();
        for repository in &*self.repositories {
            if may_move(now, era, repository) {
                let subjects = self.subjects(repository).await?;
                prove(now, era, repository, &subjects, &mut passed)?;
            }
        }
        Ok(passed.unproven)
    }

    /// Whether a set asks for more than `old` alone, for nobody or for any subject that has rows there.
    async fn needs_mirror(&self, era: &Era) -> Result<bool, Obstacle> {
        if era.needs_mirror(&self.repositories)? {
            return Ok(true);
        }
        for repository in &*self.repositories {
            let texts = self.backends.old.subjects(repository, &Filter::default()).await?;
            for subject in normalise(texts.iter().map(Option::as_deref), &self.rule) {
                if era.mirrored(repository.id, subject.as_ref())? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The subjects whose rows either side has, and nobody.
    async fn subjects(&self, repository: &Repository) -> Result<HashSet<Option<Subject>>, BackendError> {
        let mut subjects = HashSet::from([None]);
        if repository.subject.is_some() {
            for (_, database) in self.backends.iter() {
                let texts = database.all_subjects(repository).await?;
                subjects.extend(normalise(texts.iter().map(Option::as_deref), &self.rule));
            }
        }
        Ok(subjects)
    }

    /// A repository that a mirrored one refers to by foreign key must be mirrored itself.
    async fn check_parents(
        &self,
        era: &Era,
        repository: &Repository,
        subjects: &HashSet<Option<Subject>>,
    ) -> Result<(), Obstacle> {
        let schema = self.backends.old.schema().await?;
        let references = schema.table(repository).map_or(&[][..], |table| &table.references);
        if references.is_empty() {
            return Ok(());
        }
        let mut mirrored = Vec::new();
        for subject in subjects {
            if era.mirrored(repository.id, subject.as_ref())? {
                mirrored.push(subject.as_ref());
            }
        }
        for reference in references {
            let parent = self
                .repositories
                .iter()
                .find(|parent| parent.schema == reference.schema && parent.name == reference.table);
            let subjects = match parent {
                Some(parent) if parent.subject.is_none() && !mirrored.is_empty() => &[None][..],
                _ => &mirrored[..],
            };
            for subject in subjects {
                let mirrored = match parent {
                    Some(parent) => era.mirrored(parent.id, *subject)?,
                    None => false,
                };
                if !mirrored {
                    return Err(Obstacle::Because(format!(
                        "repository {} is mirrored and refers by foreign key to {}.{}, which is not: mirror it too",
                        repository.name, reference.schema, reference.table
                    )));
                }
            }
        }
        Ok(())
    }
}

/// Finds out what is known of a repository's two sides when a set takes over.
fn prove(
    now: &InForce,
    era: &Era,
    repository: &Repository,
    subjects: &HashSet<Option<Subject>>,
    passed: &mut Passed,
) -> Result<(), CallError> {
    let first = now.epoch == Epoch::new(0);
    let was_converged = !first && now.converged.contains(&repository.name);
    let (mut stays, mut unproven) = (was_converged, false);
    let may_move = may_move(now, era, repository);
    for subject in subjects {
        let subject = subject.as_ref();
        // Always asked: a policy that fails for somebody whom the databases know is not to come into force.
        let (authority, mirrored) = (
            era.authority(repository.id, subject)?,
            era.mirrored(repository.id, subject)?,
        );
        // A set in force that fails may have said anything before.
        let proven = was_converged && now.mirrored(repository.id, subject).unwrap_or(false);
        stays = stays && (proven || !mirrored);
        if may_move && !proven && !unproven {
            let before = if first {
                Some(Backend::Old)
            } else {
                now.authority(repository.id, subject).ok()
            };
            unproven = before != Some(authority);
        }
    }
    if stays {
        passed.converged.push(repository.name.clone());
    }
    if unproven {
        passed.unproven.push(repository.id);
    }
    Ok(())
}

/// Whether rows of a repository may change hands when a set takes over. Before the first epoch all are on `old`.
fn may_move(now: &InForce, era: &Era, repository: &Repository) -> bool {
    let before = if now.epoch == Epoch::new(0) {
        Span::One(Backend::Old)
    } else {
        now.span(repository.id)
    };
    before == Span::Both || era.span(repository.id) != before
}
