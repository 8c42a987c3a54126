use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use turnout_backends::{Error as BackendError, Traces};
use turnout_compare::{Compared, Differing, Progress};
use turnout_policies::InForce;
use turnout_supervisor::Need;
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository, RepositoryId, Subject};

use crate::gaps::has_gap;
use crate::{Handoffs, Obstacle};

/// A comparison of this host that is under way.
#[derive(Debug)]
pub struct Comparison {
    /// The repository whose sides are compared.
    pub repository: RepositoryId,
    /// How far it is.
    pub progress: Progress,
}

/// How long a comparison rests before it is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// How often people hear that a comparison fails.
const REPORT: Duration = Duration::from_mins(1);

impl Handoffs {
    /// Compares what has not been since it is mirrored, in the background.
    pub(crate) fn converge_soon(self: &Arc<Self>) {
        self.run_comparison(|handoffs| async move {
            let mut told: Option<Instant> = None;
            while let Err(error) = handoffs.converge().await {
                if told.is_none_or(|told| told.elapsed() >= REPORT) {
                    told = Some(Instant::now());
                    tracing::warn!(%error, "both sides can't be compared; this is tried again");
                }
                sleep(PAUSE).await;
            }
        });
    }

    /// The same once, unless a comparison is under way.
    pub(crate) fn converge_once(self: &Arc<Self>) {
        if self.converging.try_lock().is_err() {
            return;
        }
        self.run_comparison(|handoffs| async move {
            if let Err(error) = handoffs.converge().await {
                tracing::debug!(%error, "the comparison of both sides waits");
            }
        });
    }

    fn run_comparison<F>(self: &Arc<Self>, compare: impl Fn(Arc<Self>) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let handoffs = Arc::clone(self);
        self.supervisor
            .run("comparison", Need::Optional, move || compare(Arc::clone(&handoffs)))
            .detach();
    }

    /// Compares both sides of each repository that is mirrored and has not been compared since, or whose changes may not all have
    /// been captured. Returns without an error when another epoch is in force meanwhile: that one has comparisons of its own.
    pub(crate) async fn converge(&self) -> Result<(), BackendError> {
        let _one_at_a_time = self.converging.lock().await;
        let in_force = self.policies.in_force();
        // After a forced failover, people look at what was left behind first.
        if !in_force.leaving.is_empty() || in_force.epoch == Epoch::new(0) || in_force.forced.is_some() {
            return Ok(());
        }
        let gaps = self.gaps().await?;
        for repository in &*self.repositories {
            if self.policies.in_force().epoch != in_force.epoch {
                return Ok(());
            }
            if in_force.is_converged(repository) && !has_gap(&gaps, repository) {
                continue;
            }
            let Some(before) = self.before_comparison(repository, &gaps).await? else {
                continue;
            };
            let compared = self.compare(repository, in_force.epoch, |text| {
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
            if !compared.missing_columns.is_empty() {
                tracing::warn!(
                    repository = repository.name,
                    columns = compared.missing_columns.join(", "),
                    "one side alone has these columns: their values are not mirrored"
                );
            }
            self.note_converged(in_force.epoch, repository, &before).await?;
        }
        Ok(())
    }

    /// Compares both sides of a repository, and marks what differs; [`comparison`](Self::comparison) shows how far it is.
    pub(crate) async fn compare(
        &self,
        repository: &Repository,
        epoch: Epoch,
        authority: impl Fn(Option<&str>) -> Option<Backend>,
    ) -> Result<Compared, BackendError> {
        let comparison = Arc::new(Comparison {
            repository: repository.id,
            progress: Progress::default(),
        });
        self.comparison.store(Some(Arc::clone(&comparison)));
        let compared =
            turnout_compare::compare(&self.backends, repository, epoch, &comparison.progress, authority).await;
        self.comparison.store(None);
        compared
    }

    /// The comparison of this host that is under way, if one is.
    #[must_use]
    pub fn comparison(&self) -> Option<Arc<Comparison>> {
        self.comparison.load_full()
    }

    async fn note_converged(
        &self,
        epoch: Epoch,
        repository: &Repository,
        before: &PerBackend<Traces>,
    ) -> Result<(), BackendError> {
        for (backend, database) in self.backends.iter() {
            database.compared(repository, &before[backend]).await?;
            database
                .note_converged(epoch, std::slice::from_ref(&repository.name))
                .await?;
        }
        self.policies.note_converged(epoch, &repository.name);
        for backend in Backend::ALL {
            self.look_at(backend).await?;
        }
        Ok(())
    }

    /// Goes on only if both sides have the same rows of all subjects that change hands; before the first epoch of all, of
    /// those that go to `new`.
    pub(crate) async fn prove_equal(&self, next: &InForce, repositories: &[RepositoryId]) -> Result<(), Obstacle> {
        for repository in repositories {
            let repository = &self.repositories[usize::from(repository.0)];
            let compared = turnout_compare::differing(&self.backends, repository, |text| {
                let subject = self.subject(text);
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
                let gaps = self.gaps().await?;
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

    /// The subject in a text of the subject column.
    pub(crate) fn subject(&self, text: Option<&str>) -> Option<Subject> {
        self.rule.subject_in(text)
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
