use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use turnout_backends::{Database, Error as BackendError, Traces};
use turnout_mirror::Mirror;
use turnout_policies::Policies;
use turnout_supervisor::{Need, Supervisor};
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository, SubjectRule};

use crate::compare::comparer::Comparer;
use crate::compare::gaps::{Gaps, has_gap};
use crate::seen::LastSeen;

/// How long a comparison rests before it is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// How often people hear that a comparison fails.
const REPORT: Duration = Duration::from_mins(1);

/// Compares both sides of what is mirrored, as long as that is not known to be equal.
pub(crate) struct Convergence {
    pub(crate) policies: Arc<Policies>,
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) repositories: Arc<[Repository]>,
    pub(crate) rule: SubjectRule,
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) supervisor: Supervisor,
    pub(crate) gaps: Arc<Gaps>,
    pub(crate) comparer: Arc<Comparer>,
    pub(crate) last_seen: Arc<LastSeen>,
    /// Lets one comparison of this host run at a time.
    pub(crate) one: Mutex<()>,
}

impl Convergence {
    /// Compares what has not been since it is mirrored, in the background.
    pub(crate) fn converge_soon(self: &Arc<Self>) {
        self.run_comparison(|convergence| async move {
            let mut told: Option<Instant> = None;
            while let Err(error) = convergence.converge().await {
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
        if self.one.try_lock().is_err() {
            return;
        }
        self.run_comparison(|convergence| async move {
            if let Err(error) = convergence.converge().await {
                tracing::debug!(%error, "the comparison of both sides waits");
            }
        });
    }

    fn run_comparison<F>(self: &Arc<Self>, compare: impl Fn(Arc<Self>) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let convergence = Arc::clone(self);
        self.supervisor
            .run("comparison", Need::Optional, move || compare(Arc::clone(&convergence)))
            .detach();
    }

    /// Compares both sides of each repository that is mirrored and has not been compared since, or whose changes may not all have
    /// been captured. Returns without an error when another epoch is in force meanwhile: that one has comparisons of its own.
    pub(crate) async fn converge(&self) -> Result<(), BackendError> {
        let _one_at_a_time = self.one.lock().await;
        let in_force = self.policies.in_force();
        // After a forced failover, people look at what was left behind first.
        if !in_force.leaving.is_empty() || in_force.epoch == Epoch::new(0) || in_force.forced.is_some() {
            return Ok(());
        }
        let gaps = self.gaps.all().await?;
        for repository in &*self.repositories {
            if self.policies.in_force().epoch != in_force.epoch {
                return Ok(());
            }
            if in_force.is_converged(repository) && !has_gap(&gaps, repository) {
                continue;
            }
            let Some(before) = self.gaps.before_comparison(repository, &gaps).await? else {
                continue;
            };
            let compared = self.comparer.compare(repository, in_force.epoch, |text| {
                let subject = self.rule.subject_in(text);
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
            self.last_seen.look_at(backend).await?;
        }
        Ok(())
    }
}
