use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::Notify;
use tokio::time::timeout;
use turnout_runtime::{Description, Failures, Runtime};
use turnout_vocabulary::{Epoch, Repository, SubjectRule};

use crate::loader::{Acceptance, Loader};
use crate::source::Stamps;
use crate::{Era, Files, Held, InForce, PerWorld, PolicyMetrics, PolicySet, PolicySource, Refused};

/// The policy set in force, and the way to change it.
pub struct Policies {
    /// The directory that candidates are read from.
    pub source: PolicySource,
    loader: Loader,
    /// How much CPU time the exam of a candidate may take.
    pub exam_budget: Duration,
    /// How the policies do.
    pub metrics: Arc<PolicyMetrics>,
    in_force: ArcSwap<InForce>,
    tenure: Mutex<Tenure>,
    /// Why this host serves nothing, if it does not: the record describes another site than its configuration.
    aside: ArcSwapOption<String>,
    /// A set in the directory that was in force before this host started.
    old: ArcSwapOption<OldDirectory>,
    /// Asks whoever follows other hosts to look for newer epochs at once.
    wanted: Notify,
    /// Tells those that wait for another set.
    changed: tokio::sync::watch::Sender<()>,
}

/// A directory whose set was in force before the host started, as it was then.
struct OldDirectory {
    stamp: PerWorld<Stamps>,
    epoch: Epoch,
}

/// How the set in force came about.
#[derive(Clone, Debug)]
pub struct Tenure {
    /// When it was put in force.
    pub since: SystemTime,
    /// The change that was refused after it, while it stands in the directory.
    pub refused: Option<Refused>,
    /// How many instances failed of the sets before it.
    failures: PerWorld<Failures>,
}

impl Tenure {
    fn new(failures: PerWorld<Failures>) -> Self {
        Self {
            since: SystemTime::now(),
            refused: None,
            failures,
        }
    }
}

impl Policies {
    /// Loads the set that the directory holds, with what is on record or built in where it holds nothing; if that is refused,
    /// the set on record, where there is one. The set is in
    /// force under the epoch 0, which no installed backend accepts, until another is put in its place.
    ///
    /// # Errors
    /// [`Refused`] if neither is usable; it says why the directory's set is not.
    pub fn load(
        source: PolicySource,
        runtime: Runtime,
        repositories: Arc<[Repository]>,
        rule: SubjectRule,
        acceptance: Acceptance,
        metrics: Arc<PolicyMetrics>,
        recorded: Option<&PerWorld<Files>>,
    ) -> Result<Self, Refused> {
        let exam_budget = acceptance.exam_budget;
        let loader = Loader {
            runtime,
            repositories,
            rule,
            acceptance,
            worlds: source.worlds().clone(),
            built_in: source.built_in().clone(),
            metrics: Arc::clone(&metrics),
        };
        let held = source
            .read(&loader.file_bounds(), recorded.unwrap_or(source.built_in()))
            .and_then(|held| loader.set(&held.files, None));
        let set = match (held, recorded) {
            (Ok(set), _) => set,
            (Err(refused), None) => return Err(refused),
            // The watch of the directory refuses its set once more, where people see it.
            (Err(refused), Some(recorded)) => loader.set(recorded, None).map_err(|recorded| Refused {
                reason: format!("{}; nor is the set on record usable: {recorded}", refused.reason),
                ..refused
            })?,
        };
        let era = Era {
            epoch: Epoch::new(0),
            set: Arc::new(set),
            forced: None,
            frozen: None,
        };
        Ok(Self {
            source,
            loader,
            exam_budget,
            metrics,
            in_force: ArcSwap::from_pointee(InForce::steady(era, Vec::new())),
            tenure: Mutex::new(Tenure::new(PerWorld::default())),
            aside: ArcSwapOption::empty(),
            old: ArcSwapOption::empty(),
            wanted: Notify::new(),
            changed: tokio::sync::watch::Sender::new(()),
        })
    }

    /// The set that decides the operations which begin now.
    #[must_use]
    pub fn in_force(&self) -> Arc<InForce> {
        self.in_force.load_full()
    }

    /// How the set in force came about.
    #[must_use]
    pub fn tenure(&self) -> Tenure {
        self.tenure_now().clone()
    }

    /// How many instances of each policy failed since the host began.
    #[must_use]
    pub fn failures(&self) -> PerWorld<Failures> {
        let before = self.tenure_now().failures.clone();
        let now = self.in_force().failures();
        now.map(|world, now| *now + before.get(world).copied().unwrap_or_default())
    }

    /// Why this host serves nothing, if it does not.
    #[must_use]
    pub fn why_aside(&self) -> Option<Arc<String>> {
        self.aside.load_full()
    }

    /// Has this host serve nothing for a reason, or serve again. Whether that is a change.
    pub fn stand_aside(&self, reason: Option<&str>) -> bool {
        let before = self.aside.swap(reason.map(|reason| Arc::new(reason.to_owned())));
        let changed = before.as_deref().map(String::as_str) != reason;
        if changed {
            self.changed.send_replace(());
        }
        changed
    }

    /// The last epoch of the set that the directory holds, if that set is old: it changes nothing until a file is saved.
    #[must_use]
    pub fn old_directory(&self) -> Option<Epoch> {
        let old = self.old.load_full()?;
        (self.source.stamp().ok()? == old.stamp).then_some(old.epoch)
    }

    /// Passes over what the directory holds for as long as its files have these stamps.
    pub fn set_aside(&self, stamp: PerWorld<Stamps>, epoch: Epoch) {
        self.old.store(Some(Arc::new(OldDirectory { stamp, epoch })));
    }

    /// Asks for a look for newer epochs: there are signs of one.
    pub fn look(&self) {
        self.wanted.notify_one();
    }

    /// Comes when a look is asked for.
    pub async fn asked(&self) {
        self.wanted.notified().await;
    }

    /// Waits until `done` holds for what is in force, for at most `patience`; no longer once this host serves nothing.
    /// Whether it does.
    pub async fn wait_until(&self, patience: Duration, done: impl Fn(&InForce) -> bool) -> bool {
        let mut changed = self.changed.subscribe();
        let waiting = async {
            while !done(&self.in_force()) {
                if self.aside.load().is_some() {
                    return false;
                }
                if changed.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            true
        };
        timeout(patience, waiting).await.unwrap_or(false)
    }

    /// The files that the directory holds, with what is in force where it holds nothing.
    ///
    /// # Errors
    /// [`Refused`] if one can't be read.
    pub fn held(&self) -> Result<Held, Refused> {
        self.source.read(&self.loader.file_bounds(), &self.in_force().files)
    }

    /// A set of what the directory holds, checked but not in force; `None` if that is in force already, or old. Blocks while it
    /// compiles. A refusal is logged, counted and shown until the directory holds a usable set.
    ///
    /// # Errors
    /// [`Refused`] if the directory holds no usable set.
    pub fn candidate(&self) -> Result<Option<Arc<PolicySet>>, Refused> {
        if self.old_directory().is_some() {
            return Ok(None);
        }
        self.old.store(None);
        let candidate = self.held().and_then(|Held { mut files, .. }| {
            // The directory holds what is stable; what is on trial stays so.
            let in_force = self.in_force();
            for (files, (_, own)) in files.iter_mut().map(|(_, files)| files).zip(in_force.files.iter()) {
                files.trial.clone_from(&own.trial);
            }
            let made = self.make(&files)?;
            Ok((!Arc::ptr_eq(&made, &in_force.set)).then_some(made))
        });
        let refused = candidate.as_ref().err().cloned();
        let before = std::mem::replace(&mut self.tenure_now().refused, refused.clone());
        if let Some(refused) = refused.filter(|refused| before.as_ref() != Some(refused)) {
            tracing::error!(epoch = %self.in_force().epoch, %refused, "policies refused; what was in force stays");
            self.metrics.reload_refused();
        }
        candidate
    }

    /// The set of these files: the one in force if it is made of them, else another, checked but not in force. Blocks while
    /// it compiles.
    ///
    /// # Errors
    /// [`Refused`] if they make no usable set.
    pub fn make(&self, files: &PerWorld<Files>) -> Result<Arc<PolicySet>, Refused> {
        let in_force = self.in_force();
        if in_force.is_of(files) {
            return Ok(Arc::clone(&in_force.set));
        }
        Ok(Arc::new(self.loader.set(files, Some(&in_force))?))
    }

    /// What a module of a world says about itself; `None` if there is no such world, or it is none of its policies. Blocks while
    /// it compiles.
    pub fn describe(&self, world: &str, module: &[u8]) -> Option<Description> {
        self.loader.describe(world, module)
    }

    /// Has other policies decide the operations that begin from now on. What is older than what is in force is passed over:
    /// epochs only grow.
    pub fn put_in_force(&self, next: InForce) {
        let failures = self.failures();
        let mut tenure = self.tenure_now();
        let before = self.in_force();
        let ends_handoff = next.epoch == before.epoch && next.leaving.len() < before.leaving.len();
        if next.epoch <= before.epoch && !ends_handoff {
            return;
        }
        if next.epoch > before.epoch {
            *tenure = Tenure {
                refused: tenure.refused.take(),
                ..Tenure::new(failures)
            };
        }
        let epoch = next.epoch;
        self.metrics.epoch(epoch);
        tracing::info!(
            %epoch,
            routing = next.versions.routing.module,
            dual_write = next.versions.dual_write.module,
            handoff = !next.leaving.is_empty(),
            "policies in force"
        );
        self.in_force.store(Arc::new(next));
        drop(tenure);
        self.changed.send_replace(());
    }

    /// Notes that both sides of a repository have been compared under an epoch.
    pub fn note_converged(&self, epoch: Epoch, repository: &str) {
        self.in_force.rcu(|in_force| {
            let mut next = (**in_force).clone();
            if next.epoch == epoch && !next.converged.iter().any(|known| known == repository) {
                next.converged.push(repository.to_owned());
            }
            next
        });
    }

    /// Notes why a set that passed its checks is not in force.
    pub fn refuse(&self, reason: &dyn std::fmt::Display) -> Refused {
        let refused = Refused::whole(self.source.directory(), reason);
        tracing::error!(epoch = %self.in_force().epoch, %refused, "policies refused; what was in force stays");
        self.metrics.reload_refused();
        self.tenure_now().refused = Some(refused.clone());
        refused
    }

    fn tenure_now(&self) -> MutexGuard<'_, Tenure> {
        self.tenure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
