use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use turnout_backends::{Database, Error as BackendError, NotInstalled};
use turnout_mirror::Mirror;
use turnout_policies::{InForce, Policies};
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository, Span};

use crate::change::abandon::Abandonment;
use crate::change::allot::Allotment;
use crate::compare::proof::refuse_missing_columns;
use crate::drain::Drain;
use crate::fences::Fences;
use crate::gate::Gate;
use crate::held_up::HeldUp;
use crate::learn::Learner;
use crate::numbers::Sequences;
use crate::obstacle::Obstacle;
use crate::record::Record;
use crate::site::SiteDescription;

/// How often is looked whether the dirty keys are gone.
const GLANCE: Duration = Duration::from_millis(20);

/// Why a new description of the site is not in force. The description before is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotApplied {
    /// There is no record yet.
    #[error(
        "no description of the site is on record yet: the first host that starts records that of its configuration"
    )]
    NothingRecorded,
    /// A handoff is under way.
    #[error("a handoff is under way; run `turnout apply` again when it is over")]
    UnderWay,
    /// A forced failover is in force.
    #[error("a forced failover is in force; end it by a change of routing.toml first")]
    Forced,
    /// What can't be installed.
    #[error("backend {0} can't be installed for the new description: {1}")]
    Installation(Backend, NotInstalled),
    /// The handoff did not come to its end.
    #[error("{0}; the description before is in force")]
    Handoff(String),
}

impl From<Obstacle> for NotApplied {
    fn from(obstacle: Obstacle) -> Self {
        Self::Handoff(obstacle.to_string())
    }
}

impl From<BackendError> for NotApplied {
    fn from(error: BackendError) -> Self {
        Self::Handoff(error.to_string())
    }
}

/// Captures a side's tables as a description of the site has them; with `rehearse` only tries to.
pub trait Capture {
    /// Installs on one side.
    fn install(
        &self,
        backend: Backend,
        repositories: &[Repository],
        rehearse: bool,
    ) -> impl Future<Output = Result<(), NotInstalled>> + Send;
}

/// Makes another description of the site the one on record.
pub struct Description {
    pub(crate) policies: Arc<Policies>,
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) repositories: Arc<[Repository]>,
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) record: Arc<Record>,
    pub(crate) learner: Arc<Learner>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) allotment: Arc<Allotment>,
    pub(crate) fences: Arc<Fences>,
    pub(crate) drain: Arc<Drain>,
    pub(crate) sequences: Arc<Sequences>,
    pub(crate) abandonment: Arc<Abandonment>,
    pub(crate) held_up: Arc<HeldUp>,
    pub(crate) turn: Arc<Mutex<()>>,
    /// How long hosts may wait for the handoff before it is abandoned.
    pub(crate) budget: Duration,
}

impl Description {
    /// Makes the description of this configuration the site's, by a handoff to the same policies. Everything that the new
    /// description alters is compared again afterwards. The hosts of the description before serve nothing from the first
    /// fence on; if the handoff is abandoned, they serve on.
    ///
    /// # Errors
    /// [`NotApplied`] with the reason.
    pub async fn apply(
        &self,
        recorded: SiteDescription,
        capture: &impl Capture,
    ) -> Result<(Epoch, Vec<String>), NotApplied> {
        let configured = SiteDescription::clone(&self.record.site.load());
        let altered = recorded.altered(&configured);
        let turn = Arc::clone(&self.turn).lock_owned().await;
        // Until the handoff this process follows the record as the hosts do.
        self.record.site.store(Arc::new(recorded.clone()));
        self.learner.learn().await?;
        let now = self.policies.in_force();
        match () {
            () if now.epoch == Epoch::new(0) => return Err(NotApplied::NothingRecorded),
            () if !now.leaving.is_empty() => return Err(NotApplied::UnderWay),
            () if now.forced.is_some() => return Err(NotApplied::Forced),
            () => {}
        }
        for backend in Backend::ALL {
            let rehearsed = capture.install(backend, &self.repositories, true).await;
            rehearsed.map_err(|error| NotApplied::Installation(backend, error))?;
        }
        // The gate asks both sides about these. Nobody serves them yet, so to capture them early alters nothing.
        let added: Vec<Repository> = self
            .repositories
            .iter()
            .filter(|one| !recorded.serves(one))
            .cloned()
            .collect();
        if !added.is_empty() {
            for backend in Backend::ALL {
                let installed = capture.install(backend, &added, false).await;
                installed.map_err(|error| NotApplied::Installation(backend, error))?;
            }
        }
        // The set is the one in force, and yet has never been asked about what the description adds or alters.
        let mut passed = self.gate.pass(&now, now.era.clone(), None).await?;
        passed.converged.retain(|name| !altered.contains(name));
        self.record.site.store(Arc::new(configured));
        let allotted = self
            .allotment
            .allot(&now, &now.set, now.frozen.clone(), &passed.converged)
            .await;
        self.record.site.store(Arc::new(recorded.clone()));
        let next = allotted?;
        let steps = async {
            for backend in Backend::ALL {
                self.fences.raise(backend, next.epoch).await?;
            }
            self.drain.drain(&next).await?;
            self.drain_altered(&next, &altered).await?;
            self.prove_altered(&next, &recorded, &altered).await?;
            for backend in Backend::ALL {
                let installed = capture.install(backend, &self.repositories, false).await;
                installed.map_err(|error| Obstacle::Because(error.to_string()))?;
            }
            // What Turnout did not serve was written to `old`; with another subject, both sides may insert as never before.
            self.sequences
                .set_apart_since(&next, |id| {
                    if altered.contains(&self.repositories[usize::from(id.0)].name) {
                        Span::One(Backend::Old)
                    } else {
                        next.era.span(id)
                    }
                })
                .await?;
            self.record.release(next.epoch).await
        };
        let failed = match timeout(self.budget, steps).await {
            Ok(Ok(())) => return Ok((next.epoch, altered.into_iter().collect())),
            Ok(Err(obstacle)) => NotApplied::from(obstacle),
            Err(_) => NotApplied::Handoff(format!(
                "the handoff to the new description took longer than {:?}: {}",
                self.budget,
                self.held_up
                    .reason()
                    .unwrap_or_else(|| "a backend did not answer in time".to_owned())
            )),
        };
        let before = recorded.repositories();
        for backend in Backend::ALL {
            if let Err(error) = capture.install(backend, &before, false).await {
                tracing::error!(%backend, %error, "the capture of before is not back: run `turnout install` with the configuration of before");
            }
        }
        self.abandonment.abandon_in_time(&now, &next).await;
        drop(turn);
        Err(failed)
    }

    /// Waits until no dirty key of a past epoch is left of what is altered: its subject or key was read from other columns.
    async fn drain_altered(&self, next: &InForce, altered: &BTreeSet<String>) -> Result<(), Obstacle> {
        for backend in Backend::ALL {
            let numbers = self.backends[backend].numbers().await?;
            loop {
                let leftovers = self.backends[backend].leftovers(next.epoch).await?;
                let mut left = leftovers.iter().filter_map(|leftover| {
                    let (_, id) = numbers.iter().find(|(number, _)| *number == leftover.number)?;
                    let repository = &self.repositories[usize::from(id.0)];
                    altered.contains(&repository.name).then_some((repository, leftover))
                });
                let Some((repository, leftover)) = left.next() else {
                    break;
                };
                if leftover.parked {
                    return Err(Obstacle::Because(format!(
                        "keys of repository {} are parked on backend {backend}: see `turnout mirror list`, and retry or drop \
                         them first",
                        repository.name
                    )));
                }
                self.mirror.hurry(backend);
                sleep(GLANCE).await;
            }
        }
        Ok(())
    }

    /// Goes on only if both sides have the same rows of every altered repository whose rows may change hands.
    async fn prove_altered(
        &self,
        next: &InForce,
        recorded: &SiteDescription,
        altered: &BTreeSet<String>,
    ) -> Result<(), Obstacle> {
        for repository in self.repositories.iter().filter(|one| altered.contains(&one.name)) {
            let stays = match next.span(repository.id) {
                Span::One(Backend::Old) => true,
                // What Turnout did not serve was written to `old`.
                Span::One(Backend::New) => recorded.serves(repository),
                Span::Both => false,
            };
            if stays {
                continue;
            }
            let differing = turnout_compare::differing(&self.backends, repository, |_| true).await?;
            refuse_missing_columns(repository, &differing, "run `turnout apply` again")?;
            if differing.rows > 0 {
                let rows = differing.rows;
                return Err(Obstacle::Because(format!(
                    "{rows} rows of {} differ between old and new, and any of them may change hands under the new \
                     description: put the whole repository into `dualwrite` first",
                    repository.name
                )));
            }
        }
        Ok(())
    }
}
