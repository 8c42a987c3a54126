use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use turnout_backends::{Error as BackendError, Reference};
use turnout_runtime::CallError;
use turnout_vocabulary::{Backend, Epoch, Filter, Repository, RepositoryId, Span, Subject};

use super::{Handoffs, Obstacle};
use crate::PolicySet;
use crate::policies::{Era, InForce};
use crate::subjects::normalise;

/// How many repositories are asked for their subjects at a time: each takes a connection of each side.
const AT_ONCE: usize = 2;

/// What a set decides about the rows of subjects: who is their authority, and whether they are mirrored.
type Decisions = HashMap<Option<Subject>, (Backend, bool)>;

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
        let schema = self.backends.old.schema().await?;
        let decisions = self.decisions(&era, self.repositories.iter().collect()).await?;
        self.check_schemas(now, &era, &decisions).await?;
        for decided in &decisions {
            let references = schema.table(decided.0).map_or(&[][..], |table| &table.references);
            for reference in references {
                check_parent(&era, &decisions, decided, reference)?;
            }
            prove(now, &era, decided, &mut passed);
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
        let moving = self
            .repositories
            .iter()
            .filter(|repository| may_move(now, era, repository));
        for decided in self.decisions(era, moving.collect()).await? {
            prove(now, era, &decided, &mut passed);
        }
        Ok(passed.unproven)
    }

    /// Goes on only if no side that gains authority lacks what the other has, or would lose or refuse its rows.
    async fn check_schemas(
        &self,
        now: &InForce,
        era: &Era,
        decisions: &[(&Repository, Decisions)],
    ) -> Result<(), Obstacle> {
        let gaining: Vec<_> = decisions
            .iter()
            .map(|decided| (decided.0, gaining(now, era, decided)))
            .collect();
        if gaining.iter().all(|(_, sides)| sides.is_empty()) {
            return Ok(());
        }
        let differences = turnout_backends::schema_differences(&self.backends).await?;
        let broken: Vec<String> = gaining
            .iter()
            .flat_map(|(repository, sides)| {
                let of_table = differences.get(usize::from(repository.id.0)).into_iter().flatten();
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

    /// What a set decides about each subject whose rows either side has, and about nobody. A policy that fails for one of them
    /// is not to come into force.
    async fn decisions<'a>(
        &self,
        era: &Era,
        repositories: Vec<&'a Repository>,
    ) -> Result<Vec<(&'a Repository, Decisions)>, Obstacle> {
        let asked: Vec<_> = repositories
            .iter()
            .map(|repository| self.subjects(repository))
            .collect();
        let subjects: Vec<_> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
        let decided = repositories.into_iter().zip(subjects).map(|(repository, subjects)| {
            let decisions = subjects.into_iter().map(|subject| {
                let decision = era.decision(repository.id, subject.as_ref())?;
                Ok((subject, decision))
            });
            Ok((repository, decisions.collect::<Result<_, CallError>>()?))
        });
        decided.collect()
    }

    /// The subjects whose rows either side has, and nobody.
    async fn subjects(&self, repository: &Repository) -> Result<HashSet<Option<Subject>>, BackendError> {
        let mut subjects = HashSet::from([None]);
        if repository.subject.is_some() {
            let (old, new) = (&self.backends.old, &self.backends.new);
            let (on_old, on_new) = tokio::try_join!(old.all_subjects(repository), new.all_subjects(repository))?;
            for texts in [on_old, on_new] {
                subjects.extend(normalise(texts.iter().map(Option::as_deref), &self.rule));
            }
        }
        Ok(subjects)
    }
}

/// A repository that a mirrored one refers to by foreign key must be mirrored itself.
fn check_parent(
    era: &Era,
    decisions: &[(&Repository, Decisions)],
    (repository, decided): &(&Repository, Decisions),
    reference: &Reference,
) -> Result<(), Obstacle> {
    let parent = decisions
        .iter()
        .find(|(parent, _)| parent.schema == reference.schema && parent.name == reference.table);
    for (subject, _) in decided.iter().filter(|(_, (_, mirrored))| *mirrored) {
        let is_mirrored = match parent {
            None => false,
            Some((parent, of_parent)) => {
                let subject = if parent.subject.is_some() { subject } else { &None };
                match of_parent.get(subject) {
                    Some((_, mirrored)) => *mirrored,
                    None => era.mirrored(parent.id, subject.as_ref())?,
                }
            }
        };
        if !is_mirrored {
            return Err(Obstacle::Because(format!(
                "repository {} is mirrored and refers by foreign key to {}.{}, which is not: mirror it too",
                repository.name, reference.schema, reference.table
            )));
        }
    }
    Ok(())
}

/// The sides that become the authority of rows of a repository, or may, when a set takes over.
fn gaining(now: &InForce, era: &Era, (repository, decided): &(&Repository, Decisions)) -> Vec<Backend> {
    let before = span_before(now, repository);
    if !may_move(now, era, repository) {
        return Vec::new();
    }
    let span = era.span(repository.id);
    let moves_to = |side: Backend| {
        let is_new = before == Span::One(side.other()) && span != before;
        is_new
            || decided.iter().any(|(subject, (authority, _))| {
                *authority == side && authority_before(now, repository, subject.as_ref()) != Some(side)
            })
    };
    Backend::ALL.into_iter().filter(|side| moves_to(*side)).collect()
}

/// The authority of a subject's rows before a set takes over; `None` if the set in force fails to say.
fn authority_before(now: &InForce, repository: &Repository, subject: Option<&Subject>) -> Option<Backend> {
    if now.epoch == Epoch::new(0) {
        Some(Backend::Old)
    } else {
        now.authority(repository.id, subject).ok()
    }
}

/// Finds out what is known of a repository's two sides when a set takes over.
fn prove(now: &InForce, era: &Era, (repository, decided): &(&Repository, Decisions), passed: &mut Passed) {
    let first = now.epoch == Epoch::new(0);
    let was_converged = !first && now.converged.contains(&repository.name);
    let (mut stays, mut unproven) = (was_converged, false);
    let may_move = may_move(now, era, repository);
    for (subject, (authority, mirrored)) in decided {
        let subject = subject.as_ref();
        // A set in force that fails may have said anything before.
        let proven = was_converged && now.mirrored(repository.id, subject).unwrap_or(false);
        stays = stays && (proven || !mirrored);
        if may_move && !proven && !unproven {
            unproven = authority_before(now, repository, subject) != Some(*authority);
        }
    }
    if stays {
        passed.converged.push(repository.name.clone());
    }
    if unproven {
        passed.unproven.push(repository.id);
    }
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
