use std::sync::Arc;

use turnout_backends::Reference;
use turnout_vocabulary::{Backend, Epoch, Repository, RepositoryId, Span};

use super::exam::{Parent, Question, Seen};
use super::{Handoffs, Obstacle};
use crate::PolicySet;
use crate::policies::{Era, InForce};

/// What a set that may come into force brings along.
#[derive(Clone, Debug, Default)]
pub(super) struct Passed {
    /// The repositories that need not be compared again.
    pub(super) converged: Vec<String>,
    /// Repositories with subjects that change hands though nothing shows yet that both sides have the same rows of them.
    pub(super) unproven: Vec<RepositoryId>,
    /// Other repositories with subjects that may change hands, and whose rows were looked at.
    pub(super) proven: Vec<(RepositoryId, Seen)>,
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
        if now.epoch > Epoch::new(0) && now.forced.is_none() && now.decides_as(set) {
            return Ok(Some(Passed {
                converged: now.converged.clone(),
                ..Passed::default()
            }));
        }
        let schema = self.backends.old.schema().await?;
        let questions = self.repositories.iter().map(|repository| {
            let references = schema.table(repository).map_or(&[][..], |table| &table.references);
            let question = Question {
                repository: repository.clone(),
                parents: self.parents(repository, references),
                may_move: may_move(now, &era, repository),
            };
            (question, Seen::default())
        });
        let found = self.examine(now, &era, questions.collect(), &Backend::ALL).await?;
        let mut passed = Passed::default();
        for (repository, (found, seen)) in self.repositories.iter().zip(found) {
            if found.is_converged {
                passed.converged.push(repository.name.clone());
            }
            if found.is_unproven {
                passed.unproven.push(repository.id);
            } else if may_move(now, &era, repository) {
                passed.proven.push((repository.id, seen));
            }
        }
        if now.epoch == Epoch::new(0) {
            // There is no set to go back to, so the proof comes before the first step, too.
            self.prove_equal(&InForce::steady(era, Vec::new()), &passed.unproven)
                .await?;
        }
        Ok(Some(passed))
    }

    /// The repositories with subjects that change hands though nothing shows that both sides have the same rows of them.
    /// Asked once more when both fences stand: a subject may have got its first row since the gate. Operations wait
    /// meanwhile, so nobody is asked about who had rows at the gate.
    pub(super) async fn unproven(
        &self,
        now: &InForce,
        era: &Era,
        passed: &Passed,
    ) -> Result<Vec<RepositoryId>, Obstacle> {
        if passed.proven.is_empty() {
            return Ok(passed.unproven.clone());
        }
        let questions = passed.proven.iter().map(|(id, seen)| {
            let question = Question {
                repository: self.repositories[usize::from(id.0)].clone(),
                parents: Vec::new(),
                may_move: true,
            };
            (question, seen.clone())
        });
        let found = self.examine(now, era, questions.collect(), &Backend::ALL).await?;
        let mut unproven = passed.unproven.clone();
        for ((id, _), (found, _)) in passed.proven.iter().zip(found) {
            if found.is_unproven {
                unproven.push(*id);
            }
        }
        Ok(unproven)
    }

    /// Whether a set asks for more than `old` alone, for nobody or for any subject that has rows there.
    async fn needs_mirror(&self, era: &Era) -> Result<bool, Obstacle> {
        if era.needs_mirror(&self.repositories)? {
            return Ok(true);
        }
        let questions = self.repositories.iter().map(|repository| {
            let question = Question {
                repository: repository.clone(),
                parents: Vec::new(),
                may_move: false,
            };
            (question, Seen::default())
        });
        let now = self.policies.in_force();
        let found = self.examine(&now, era, questions.collect(), &[Backend::Old]).await?;
        Ok(found.iter().any(|(found, _)| found.is_mirrored))
    }

    /// The tables, each once, that foreign keys of a repository refer to.
    fn parents(&self, repository: &Repository, references: &[Reference]) -> Vec<Parent> {
        let is = |repository: &Repository, reference: &Reference| {
            repository.schema == reference.schema && repository.name == reference.table
        };
        let mut parents: Vec<Parent> = Vec::new();
        for reference in references.iter().filter(|reference| !is(repository, reference)) {
            let name = format!("{}.{}", reference.schema, reference.table);
            if parents.iter().all(|parent| parent.name != name) {
                let served = self.repositories.iter().find(|served| is(served, reference));
                parents.push(Parent {
                    name,
                    repository: served.cloned(),
                });
            }
        }
        parents
    }
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
