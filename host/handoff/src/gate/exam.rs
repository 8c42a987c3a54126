//! Asks the policies of a set that may come into force about every subject whose rows there are. The asking is done on a
//! thread that serves nobody, within a budget; the subjects are read page by page.

mod examiner;
mod merged;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, Sender};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};
use turnout_backends::{Database, Error as BackendError, Moment};
use turnout_policies::{Era, InForce};
use turnout_vocabulary::{Backend, PerBackend, Repository, SubjectRule};

use examiner::{Examiner, Stopped};
pub(super) use examiner::{Found, Parent, Question};
use merged::Merged;

use crate::gate::promotion::PromotionRules;
use crate::obstacle::Obstacle;

/// How much longer than its budget of CPU time an exam may last: the databases and others on the machine take their time, too.
const PATIENCE: u32 = 3;

/// How many pages of subjects wait for the examiner.
const PAGES: usize = 2;

/// Up to when the subjects of a repository's rows are known, by the side that the rows were read on.
pub(crate) type Seen = PerBackend<Option<Moment>>;

/// Asks sets about all subjects.
pub(crate) struct Exam {
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) rule: SubjectRule,
    /// The CPU time that the policies have.
    pub(crate) budget: Duration,
    /// What a move of authority to `new` needs; `None` if nothing.
    pub(crate) promotion: Option<Arc<PromotionRules>>,
}

impl Exam {
    /// What a set decides about nobody and about each subject of some repositories whose rows these sides have, with what is
    /// seen of them then. Of a repository that was seen before, only the rows are looked at that were written since. A policy
    /// that fails for one of them, contradicts itself or takes too long is not to come into force.
    pub(crate) async fn examine(
        &self,
        now: &InForce,
        era: &Era,
        questions: Vec<(Question, Seen)>,
        sides: &[Backend],
    ) -> Result<Vec<(Found, Seen)>, Obstacle> {
        let budget = self.budget;
        let deadline = Instant::now() + budget * PATIENCE;
        let (questions, before): (Vec<_>, Vec<_>) = questions.into_iter().unzip();
        let repositories: Vec<_> = questions.iter().map(|question| question.repository.clone()).collect();
        let examiner = Examiner::new(
            now.clone(),
            era.clone(),
            self.rule.clone(),
            questions,
            self.promotion.clone(),
            budget,
            deadline.into(),
        );
        let (pages, received) = mpsc::channel(PAGES);
        let examining = spawn_blocking(move || examiner.run(received));
        let reading = async {
            let mut seen = Vec::new();
            for (place, (repository, before)) in repositories.iter().zip(&before).enumerate() {
                seen.push(self.hand_over(repository, before, sides, place, &pages).await?);
            }
            Ok::<_, BackendError>(seen)
        };
        let seen = timeout_at(deadline, reading).await;
        drop(pages);
        let found = match examining.await {
            Ok(Ok(found)) => found,
            Ok(Err(Stopped::Obstacle(obstacle))) => return Err(obstacle),
            Ok(Err(Stopped::TooSlow { each })) => return Err(self.too_slow(each, budget, &repositories).await),
            Err(panicked) => return Err(Obstacle::Because(panicked.to_string())),
        };
        let seen = seen.map_err(|_| {
            Obstacle::Because(format!(
                "to read the subjects of all rows took longer than {:?}; raise `policies.exam_budget`",
                budget * PATIENCE
            ))
        })??;
        Ok(found.into_iter().zip(seen).collect())
    }

    /// Hands the subjects of a repository's rows to the examiner, until that wants no more.
    async fn hand_over(
        &self,
        repository: &Repository,
        before: &Seen,
        sides: &[Backend],
        place: usize,
        pages: &Sender<(usize, Vec<String>)>,
    ) -> Result<Seen, BackendError> {
        let mut merged = Merged::default();
        let mut seen = Seen::default();
        for side in sides {
            let since = before[*side].as_ref();
            if let Some(subjects) = self.backends[*side].subject_pages(repository, since).await? {
                seen[*side] = Some(subjects.moment());
                merged.add(subjects);
            }
        }
        while let Some(page) = merged.next().await? {
            if pages.send((place, page)).await.is_err() {
                break;
            }
        }
        merged.close().await;
        Ok(seen)
    }

    /// Why the exam was stopped, with what it would have taken.
    async fn too_slow(&self, each: Duration, budget: Duration, repositories: &[Repository]) -> Obstacle {
        let mut subjects = 0;
        for repository in repositories {
            let mut counted = 0;
            for (_, database) in self.backends.iter() {
                counted = counted.max(database.subject_count(repository).await.unwrap_or_default());
            }
            // Nobody counts, too.
            subjects += counted + 1;
        }
        let in_all = each.mul_f64(f64::from(u32::try_from(subjects).unwrap_or(u32::MAX)));
        Obstacle::Because(format!(
            "the policies are too slow to be asked about every subject of every repository: {:.3} ms × {subjects} subjects \
             is {:.0} s, and they have {budget:?}; make them faster, or raise `policies.exam_budget`",
            each.as_secs_f64() * 1000.0,
            in_all.as_secs_f64()
        ))
    }
}
