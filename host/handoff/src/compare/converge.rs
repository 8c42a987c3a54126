use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use turnout_backends::{Database, Error as BackendError, Gap, Traces};
use turnout_compare::Columns;
use turnout_mirror::Mirror;
use turnout_policies::{InForce, Policies};
use turnout_supervisor::{Need, Supervisor};
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository, SubjectRule};

use crate::compare::comparer::Comparer;
use crate::compare::gaps::{Gaps, has_gap};
use crate::compare::ranged::Begun;
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
    /// The machine, for the evidence.
    pub(crate) host: String,
    /// Lets one comparison of this host run at a time.
    pub(crate) one: Mutex<()>,
}

impl Convergence {
    /// Compares what has not been since it is mirrored, in the background.
    pub(crate) fn converge_soon(self: &Arc<Self>) {
        self.run_comparison(|convergence| async move {
            let mut told: Option<Instant> = None;
            loop {
                match convergence.converge().await {
                    Ok(true) => return,
                    Ok(false) => {}
                    Err(error) => {
                        if told.is_none_or(|told| told.elapsed() >= REPORT) {
                            told = Some(Instant::now());
                            tracing::warn!(%error, "both sides can't be compared; this is tried again");
                        }
                    }
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

    /// Compares both sides of each repository that has not been compared since it is mirrored, or whose changes may not all have been
    /// captured. Waits a few seconds for the appliers, which go through large tables for hours: false if they are not done. Returns true when
    /// another epoch is in force meanwhile: that one has comparisons of its own.
    pub(crate) async fn converge(&self) -> Result<bool, BackendError> {
        let _one_at_a_time = self.one.lock().await;
        let in_force = self.policies.in_force();
        // After a forced failover, people look at what was left behind first.
        if !in_force.leaving.is_empty() || in_force.epoch == Epoch::new(0) || in_force.forced.is_some() {
            return Ok(true);
        }
        let gaps = self.gaps.all().await?;
        let mut waiting = Vec::new();
        for repository in &*self.repositories {
            if self.policies.in_force().epoch != in_force.epoch {
                return Ok(true);
            }
            if in_force.is_converged(repository) && !has_gap(&gaps, repository) {
                continue;
            }
            match self.begin_range(repository, &in_force, &gaps).await {
                Err(BackendError::Fenced { .. }) => return Ok(true),
                Ok(Begun::Range(ranged)) => waiting.push(ranged),
                Ok(Begun::ByParts) => self.compare_by_parts(repository, &in_force, &gaps).await?,
                Ok(Begun::Not) => {}
                Err(error) => return Err(error),
            }
        }
        self.await_ranges(waiting, &in_force).await
    }

    /// Warns of columns that one side alone has.
    pub(crate) async fn warn_of_missing_columns(&self, repository: &Repository) -> Result<(), BackendError> {
        let missing = Columns::of(&self.backends, repository).await?.missing;
        if !missing.is_empty() {
            tracing::warn!(
                repository = repository.name,
                columns = missing.join(", "),
                "one side alone has these columns: their values are not mirrored"
            );
        }
        Ok(())
    }

    /// Compares a repository whose keys the two sides order differently, and marks what differs.
    async fn compare_by_parts(
        &self,
        repository: &Repository,
        in_force: &InForce,
        gaps: &[Gap],
    ) -> Result<(), BackendError> {
        let Some(before) = self.gaps.before_comparison(repository, gaps).await? else {
            return Ok(());
        };
        self.warn_of_missing_columns(repository).await?;
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
        self.note_converged(in_force.epoch, repository, &before).await
    }

    pub(crate) async fn note_converged(
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
