//! Whether a set may come into force. `exam` asks it about every subject, `promotion` says what a move of authority to `new` needs.

pub(crate) mod exam;
pub(crate) mod promotion;

use std::sync::Arc;

use turnout_backends::{Database, Error as BackendError, Gap, Reference};
use turnout_policies::{Era, InForce, PolicySet};
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository, RepositoryId, Span};

use crate::compare::converge::Convergence;
use crate::compare::gaps::{Gaps, has_gap, refuse_not_served, without_gaps};
use crate::compare::proof::Proof;
use crate::gate::exam::{Exam, Parent, Question, Seen};
use crate::gate::promotion::{Override, Promotion};
use crate::installed::is_installed;
use crate::obstacle::Obstacle;

/// What a set that may come into force brings along.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passed {
    /// The repositories that need not be compared again.
    pub(crate) converged: Vec<String>,
    /// Repositories with subjects that change hands though nothing shows yet that both sides have the same rows of them.
    pub(crate) unproven: Vec<RepositoryId>,
    /// Other repositories with subjects that may change hands, and whose rows were looked at.
    pub(crate) proven: Vec<(RepositoryId, Seen)>,
    /// What speaks against the move of authority to `new`, and why it goes on all the same.
    pub(crate) overridden: Option<Override>,
}

/// Decides whether sets may come into force.
pub(crate) struct Gate {
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) repositories: Arc<[Repository]>,
    pub(crate) exam: Exam,
    pub(crate) promotion: Promotion,
    pub(crate) gaps: Arc<Gaps>,
    pub(crate) convergence: Arc<Convergence>,
    pub(crate) proof: Arc<Proof>,
}

impl Gate {
    /// Whether a set may come into force. `None` means at once: without an installation there is nothing to hand off, and
    /// the set touches `old` only. `because` is why a person wants authority to move to `new` although not all is so that this needs.
    pub(crate) async fn check(
        &self,
        now: &InForce,
        set: &Arc<PolicySet>,
        because: Option<&str>,
    ) -> Result<Option<Passed>, Obstacle> {
        let era = Era {
            epoch: Epoch::new(0),
            set: Arc::clone(set),
            forced: None,
            frozen: now.frozen.clone(),
        };
        for (backend, database) in self.backends.iter() {
            match is_installed(database).await {
                Ok(true) => {}
                Ok(false) if !self.needs_mirror(now, &era).await? => return Ok(None),
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
        self.pass(now, era, because).await.map(Some)
    }

    /// Asks a set about every subject, also one that decides as the set in force does.
    pub(crate) async fn pass(&self, now: &InForce, era: Era, because: Option<&str>) -> Result<Passed, Obstacle> {
        let gaps = self.gaps_left(now, &era).await?;
        let now = &without_gaps(now, &gaps);
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
        let found = self.exam.examine(now, &era, questions.collect(), &Backend::ALL).await?;
        let gaining = self.repositories.iter().zip(&found).map(|(repository, (found, _))| {
            let sides = Backend::ALL.into_iter();
            let gains = |side: &Backend| found.gains[*side] || gains_all(now, &era, repository, *side);
            (repository.id, sides.filter(gains).collect())
        });
        self.check_schemas(gaining.collect()).await?;
        let mut passed = Passed::default();
        if found.iter().any(|(found, _)| found.promotes) {
            passed.overridden = self.promotion.check(now, because).await?;
        }
        for (repository, (found, seen)) in self.repositories.iter().zip(found) {
            if found.is_converged {
                passed.converged.push(repository.name.clone());
            }
            if found.is_unproven {
                passed.unproven.push(repository.id);
            } else if may_move(now, &era, repository) {
                passed.proven.push((repository.id, seen));
            }
            if found.is_mirrored {
                refuse_not_served(&gaps, repository)?;
            }
        }
        self.gaps.refuse_open_gaps(&gaps, &passed.unproven)?;
        if now.epoch == Epoch::new(0) {
            // There is no set to go back to, so the proof comes before the first step, too.
            self.proof
                .prove(&InForce::steady(era, Vec::new()), &passed.unproven)
                .await?;
        }
        Ok(passed)
    }

    /// The gaps that are left when the repositories have been compared of which rows may change hands.
    async fn gaps_left(&self, now: &InForce, next: &Era) -> Result<Vec<Gap>, BackendError> {
        let gaps = self.gaps.all().await?;
        let is_in_the_way = |repository: &Repository| {
            now.is_converged(repository) && has_gap(&gaps, repository) && may_move(now, next, repository)
        };
        if now.epoch == Epoch::new(0) || !self.repositories.iter().any(is_in_the_way) {
            return Ok(gaps);
        }
        if let Err(error) = self.convergence.converge().await {
            tracing::debug!(%error, "the comparison of both sides waits");
        }
        self.gaps.all().await
    }

    /// Goes on only if no side that gains authority lacks what the other has, or would lose or refuse its rows.
    async fn check_schemas(&self, gaining: Vec<(RepositoryId, Vec<Backend>)>) -> Result<(), Obstacle> {
        if gaining.iter().all(|(_, sides)| sides.is_empty()) {
            return Ok(());
        }
        let differences = turnout_backends::schema_differences(&self.backends).await?;
        let broken: Vec<String> = gaining
            .iter()
            .flat_map(|(repository, sides)| {
                let of_table = differences.get(usize::from(repository.0)).into_iter().flatten();
                of_table.filter(|difference| sides.iter().any(|side| difference.breaks(*side)))
            })
            .map(ToString::to_string)
            .collect();
        if broken.is_empty() {
            return Ok(());
        }
        Err(Obstacle::Because(format!(
            "authority would move to a side whose tables do not fit: {}; `turnout check` names every difference",
            broken.join("; ")
        )))
    }

    /// The repositories with subjects that change hands though nothing shows that both sides have the same rows of them.
    /// Asked once more when both fences stand: a subject may have got its first row since the gate. Operations wait
    /// meanwhile, so nobody is asked about who had rows at the gate.
    pub(crate) async fn unproven(
        &self,
        now: &InForce,
        era: &Era,
        passed: &Passed,
    ) -> Result<Vec<RepositoryId>, Obstacle> {
        if passed.proven.is_empty() {
            return Ok(passed.unproven.clone());
        }
        // What is left of past epochs was looked at before: a gap that shows only now leaves nothing unseen.
        let gaps = self.gaps.all().await?;
        let questions = passed.proven.iter().map(|(id, seen)| {
            let question = Question {
                repository: self.repositories[usize::from(id.0)].clone(),
                parents: Vec::new(),
                may_move: true,
            };
            (question, seen.clone())
        });
        let found = self.exam.examine(now, era, questions.collect(), &Backend::ALL).await?;
        let mut unproven = passed.unproven.clone();
        for ((id, _), (found, _)) in passed.proven.iter().zip(found) {
            if found.is_unproven || has_gap(&gaps, &self.repositories[usize::from(id.0)]) {
                unproven.push(*id);
            }
        }
        self.gaps.refuse_open_gaps(&gaps, &unproven)?;
        Ok(unproven)
    }

    /// Whether a set asks for more than `old` alone, for nobody or for any subject that has rows there.
    async fn needs_mirror(&self, now: &InForce, era: &Era) -> Result<bool, Obstacle> {
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
        let found = self
            .exam
            .examine(now, era, questions.collect(), &[Backend::Old])
            .await?;
        Ok(found.iter().any(|(found, _)| found.is_mirrored))
    }

    /// The tables, each once, that foreign keys of a repository refer to.
    fn parents(&self, repository: &Repository, references: &[Reference]) -> Vec<Parent> {
        let is = |repository: &Repository, reference: &Reference| {
            repository.schema == reference.schema && repository.table == reference.table
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

/// Whether a side becomes the authority of subjects that have no rows yet when a set takes over, or may.
fn gains_all(now: &InForce, era: &Era, repository: &Repository, side: Backend) -> bool {
    let before = span_before(now, repository);
    before == Span::One(side.other()) && era.span(repository.id) != before
}

/// Whether rows of a repository may change hands when a set takes over.
fn may_move(now: &InForce, era: &Era, repository: &Repository) -> bool {
    let before = span_before(now, repository);
    before == Span::Both || era.span(repository.id) != before
}

/// Before the first epoch all rows are on `old`.
fn span_before(now: &InForce, repository: &Repository) -> Span {
    if now.epoch == Epoch::new(0) {
        Span::One(Backend::Old)
    } else {
        now.span(repository.id)
    }
}
