use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;
use turnout_policies::{Era, InForce, cpu_time};
use turnout_runtime::CallError;
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository, Span, Subject, SubjectRule};

use crate::gate::promotion::PromotionRules;
use crate::obstacle::Obstacle;

/// A repository about whose subjects a set is asked.
pub(crate) struct Question {
    pub(crate) repository: Repository,
    /// What must be mirrored where its rows are.
    pub(crate) parents: Vec<Parent>,
    /// Whether its rows may change hands.
    pub(crate) may_move: bool,
}

/// A table that a foreign key of a repository refers to.
#[derive(Clone)]
pub(crate) struct Parent {
    /// Its name with the schema, for people.
    pub(crate) name: String,
    /// The repository that it is, if it is served.
    pub(crate) repository: Option<Repository>,
}

/// What was found out about a repository.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Found {
    /// Both sides are known to be equal, for all subjects that are mirrored.
    pub(crate) is_converged: bool,
    /// Some subject changes hands, and nothing shows yet that both sides have the same rows of it.
    pub(crate) is_unproven: bool,
    /// Some subject is mirrored.
    pub(crate) is_mirrored: bool,
    /// The sides that become the authority of some subject.
    pub(crate) gains: PerBackend<bool>,
    /// Nobody's rows, or those of a subject that is not exempt, go from `old` to `new`. Only looked at where that needs something.
    pub(crate) promotes: bool,
}

/// Why an exam has no result.
pub(super) enum Stopped {
    Obstacle(Obstacle),
    /// What one subject took is too long for all of them.
    TooSlow {
        each: Duration,
    },
}

impl From<CallError> for Stopped {
    fn from(error: CallError) -> Self {
        Self::Obstacle(error.into())
    }
}

/// Asks the set in force and the one that may take its place.
pub(super) struct Examiner {
    now: InForce,
    era: Era,
    rule: SubjectRule,
    questions: Vec<(Question, Found)>,
    /// What a move of authority to `new` needs; `None` if nothing.
    promotion: Option<Arc<PromotionRules>>,
    /// The CPU time that the policies have, and the time after which nobody waits for them any more.
    budget: Duration,
    deadline: Instant,
    spent: Duration,
    asked: u32,
}

impl Examiner {
    pub(super) fn new(
        now: InForce,
        era: Era,
        rule: SubjectRule,
        questions: Vec<Question>,
        promotion: Option<Arc<PromotionRules>>,
        budget: Duration,
        deadline: Instant,
    ) -> Self {
        let first = now.epoch == Epoch::new(0);
        let questions = questions.into_iter().map(|question| {
            let found = Found {
                is_converged: !first && now.is_converged(&question.repository),
                ..Found::default()
            };
            (question, found)
        });
        Self {
            questions: questions.collect(),
            now,
            era,
            rule,
            promotion,
            budget,
            deadline,
            spent: Duration::ZERO,
            asked: 0,
        }
    }

    /// Asks about nobody, and about the subjects in these texts, each with the place of its repository.
    pub(super) fn run(mut self, mut pages: Receiver<(usize, Vec<String>)>) -> Result<Vec<Found>, Stopped> {
        for place in 0..self.questions.len() {
            self.ask(place, None)?;
        }
        while let Some((place, page)) = pages.blocking_recv() {
            for text in page {
                // A text that is no subject belongs to nobody.
                if let Some(subject) = self.rule.subject_in(Some(&text)) {
                    self.ask(place, Some(&subject))?;
                }
            }
        }
        Ok(self.questions.into_iter().map(|(_, found)| found).collect())
    }

    fn ask(&mut self, place: usize, subject: Option<&Subject>) -> Result<(), Stopped> {
        if self.asked > 0 && (self.spent > self.budget || Instant::now() > self.deadline) {
            return Err(Stopped::TooSlow {
                each: self.spent / self.asked,
            });
        }
        let began = cpu_time::of_this_thread();
        let (question, found) = &mut self.questions[place];
        let is_exempt =
            |rules: &Arc<PromotionRules>| subject.is_some_and(|subject| rules.test_subjects.contains(subject));
        let may_promote = self.promotion.as_ref().is_some_and(|rules| !is_exempt(rules));
        *found = decide(&self.now, &self.era, question, *found, subject, may_promote)?;
        self.spent += cpu_time::of_this_thread().saturating_sub(began);
        self.asked = self.asked.saturating_add(1);
        Ok(())
    }
}

/// What is found out about a repository by one more subject. `counts` says whether it matters that the subject goes to `new`.
fn decide(
    now: &InForce,
    era: &Era,
    question: &Question,
    mut found: Found,
    subject: Option<&Subject>,
    counts: bool,
) -> Result<Found, Stopped> {
    let repository = &question.repository;
    let (authority, mirrored) = era.decision(repository.id, subject)?;
    if let Span::One(span) = era.span(repository.id)
        && span != authority
    {
        return Err(Stopped::Obstacle(Obstacle::Because(format!(
            "the routing policy contradicts itself: `span` says that the authority of all rows of {} is {span}, and \
             `authority` says {authority} for one of its subjects; let `span` say `both`, or mend `authority`",
            repository.name
        ))));
    }
    if mirrored {
        found.is_mirrored = true;
        check_parents(era, question, subject)?;
    }
    let first = now.epoch == Epoch::new(0);
    let mut proven = None;
    let mut is_proven = || {
        // A set in force that fails may have said anything before.
        *proven.get_or_insert_with(|| !first && now.has_equal_sides(repository, subject))
    };
    if found.is_converged && mirrored {
        found.is_converged = is_proven();
    }
    let may_promote = counts && authority == Backend::New && !found.promotes;
    if question.may_move && (may_promote || !(found.is_unproven && found.gains[authority])) {
        let before = authority_before(now, repository, subject);
        let moves = before != Some(authority);
        found.gains[authority] |= moves;
        found.is_unproven |= moves && !is_proven();
        found.promotes |= may_promote && before == Some(Backend::Old);
    }
    Ok(found)
}

/// The authority of a subject's rows before a set takes over; `None` if the set in force fails to say.
fn authority_before(now: &InForce, repository: &Repository, subject: Option<&Subject>) -> Option<Backend> {
    if now.epoch == Epoch::new(0) {
        Some(Backend::Old)
    } else {
        now.authority(repository.id, subject).ok()
    }
}

/// A repository that a mirrored one refers to by foreign key must be mirrored itself.
fn check_parents(era: &Era, question: &Question, subject: Option<&Subject>) -> Result<(), Stopped> {
    for Parent { name, repository } in &question.parents {
        let is_mirrored = match repository {
            None => false,
            Some(parent) => era.mirrored(parent.id, subject.filter(|_| parent.subject.is_some()))?,
        };
        if !is_mirrored {
            return Err(Stopped::Obstacle(Obstacle::Because(format!(
                "repository {} is mirrored and refers by foreign key to {name}, which is not: mirror it too",
                question.repository.name
            ))));
        }
    }
    Ok(())
}
