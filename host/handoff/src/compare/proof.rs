use std::sync::Arc;

use turnout_backends::Database;
use turnout_compare::Differing;
use turnout_policies::InForce;
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository, RepositoryId, SubjectRule};

use crate::compare::gaps::Gaps;
use crate::obstacle::Obstacle;

/// Compares the rows that change hands.
pub(crate) struct Proof {
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) repositories: Arc<[Repository]>,
    pub(crate) rule: SubjectRule,
    pub(crate) gaps: Arc<Gaps>,
}

impl Proof {
    /// Goes on only if both sides have the same rows of all subjects that change hands; before the first epoch of all, of
    /// those that go to `new`.
    pub(crate) async fn prove(&self, next: &InForce, repositories: &[RepositoryId]) -> Result<(), Obstacle> {
        for repository in repositories {
            let repository = &self.repositories[usize::from(repository.0)];
            let compared = turnout_compare::differing(&self.backends, repository, |text| {
                let subject = self.rule.subject_in(text);
                let before = match next.leaving.last() {
                    Some(before) if before.epoch > Epoch::new(0) => before.authority(repository.id, subject.as_ref()),
                    _ => Ok(Backend::Old),
                };
                before.ok() != next.authority(repository.id, subject.as_ref()).ok()
            });
            let differing = compared.await?;
            refuse_missing_columns(repository, &differing, "make the change again")?;
            if differing.rows > 0 {
                let rows = differing.rows;
                let gaps = self.gaps.all().await?;
                if let Some(gap) = gaps.into_iter().find(|gap| gap.repository == repository.name) {
                    return Err(Obstacle::Because(format!(
                        "{gap}, and {rows} of its rows that would change hands differ between old and new: make the change again \
                         when `turnout status` shows that it is compared and mirrored"
                    )));
                }
                return Err(Obstacle::Because(format!(
                    "{rows} rows of {} would change hands and differ between old and new: put them into `dualwrite` \
                     first, and make the change again when they are mirrored",
                    repository.name
                )));
            }
        }
        Ok(())
    }
}

/// Goes on only if both sides have the same columns of a repository. `then` says what to do when that is mended.
pub(crate) fn refuse_missing_columns(
    repository: &Repository,
    differing: &Differing,
    then: &str,
) -> Result<(), Obstacle> {
    if differing.missing_columns.is_empty() {
        return Ok(());
    }
    Err(Obstacle::Because(format!(
        "one side alone has these columns of {}: {}. Add them to the other side, or drop them, and {then}",
        repository.name,
        differing.missing_columns.join(", ")
    )))
}
