use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use turnout_backends::Error as BackendError;
use turnout_vocabulary::{Backend, Epoch, Repository, RepositoryId, Subject};

use super::{Handoffs, Obstacle};
use crate::policies::InForce;
use crate::subjects::subject_in;

/// How long a comparison rests before it is tried again.
const PAUSE: Duration = Duration::from_millis(500);

impl Handoffs {
    /// Compares what has not been since it is mirrored, in the background.
    pub(super) fn converge_soon(self: &Arc<Self>) {
        let handoffs = Arc::clone(self);
        tokio::spawn(async move {
            while let Err(error) = handoffs.converge().await {
                tracing::debug!(%error, "the comparison of both sides waits");
                sleep(PAUSE).await;
            }
        });
    }

    /// Compares both sides of each repository that is mirrored and has not been compared since, or was truncated. Returns
    /// without an error when another epoch is in force meanwhile: that one has comparisons of its own.
    async fn converge(&self) -> Result<(), BackendError> {
        let _one_at_a_time = self.converging.lock().await;
        let in_force = self.policies.in_force();
        // After a forced failover, people look at what was left behind first.
        if !in_force.leaving.is_empty() || in_force.epoch == Epoch::new(0) || in_force.forced.is_some() {
            return Ok(());
        }
        let truncated = self.truncated().await?;
        for repository in &*self.repositories {
            if self.policies.in_force().epoch != in_force.epoch {
                return Ok(());
            }
            let known = in_force.converged.contains(&repository.name);
            if known && !truncated.contains(&repository.name) {
                continue;
            }
            let compared = turnout_mirror::compare(&self.backends, repository, in_force.epoch, |text| {
                let subject = self.subject(text);
                let (authority, mirrored) = in_force.decision(repository.id, subject.as_ref()).ok()?;
                mirrored.then_some(authority)
            });
            let compared = match compared.await {
                Err(BackendError::Fenced { .. }) => return Ok(()),
                compared => compared?,
            };
            for backend in Backend::ALL {
                self.mirror.hurry(backend);
            }
            tracing::info!(
                epoch = %in_force.epoch,
                repository = repository.name,
                rows = compared.rows,
                marked = compared.marked,
                "both sides compared"
            );
            self.note_converged(in_force.epoch, repository).await?;
        }
        Ok(())
    }

    async fn note_converged(&self, epoch: Epoch, repository: &Repository) -> Result<(), BackendError> {
        for (_, database) in self.backends.iter() {
            database.verified(repository).await?;
            database
                .note_converged(epoch, std::slice::from_ref(&repository.name))
                .await?;
        }
        self.policies.note_converged(epoch, &repository.name);
        Ok(())
    }

    /// The repositories that were truncated on either side and not compared since.
    async fn truncated(&self) -> Result<Vec<String>, BackendError> {
        let mut truncated = Vec::new();
        for (_, database) in self.backends.iter() {
            let standing = database.mirror_standing().await?;
            truncated.extend(
                standing
                    .into_iter()
                    .filter(|table| table.verify)
                    .map(|table| table.table),
            );
        }
        Ok(truncated)
    }

    /// Goes on only if both sides have the same rows of all subjects that change hands; before the first epoch of all, of
    /// those that go to `new`.
    pub(super) async fn prove_equal(&self, next: &InForce, repositories: &[RepositoryId]) -> Result<(), Obstacle> {
        for repository in repositories {
            let repository = &self.repositories[usize::from(repository.0)];
            let compared = turnout_mirror::differing(&self.backends, repository, |text| {
                let subject = self.subject(text);
                let before = match next.leaving.last() {
                    Some(before) if before.epoch > Epoch::new(0) => before.authority(repository.id, subject.as_ref()),
                    _ => Ok(Backend::Old),
                };
                before.ok() != next.authority(repository.id, subject.as_ref()).ok()
            });
            let differing = compared.await?;
            if differing > 0 {
                return Err(Obstacle::Because(format!(
                    "{differing} rows of {} would change hands and differ between old and new: put them into `dualwrite` \
                     first, and make the change again when they are mirrored",
                    repository.name
                )));
            }
        }
        Ok(())
    }

    /// The subject in a text of the subject column.
    pub(super) fn subject(&self, text: Option<&str>) -> Option<Subject> {
        subject_in(text, &self.rule)
    }
}
