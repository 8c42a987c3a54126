//! Brings versions into force that somebody pushed, activated or took back.
//!
//! - `history` says what is and was in force; `kept` finds versions there, `diff` compares texts.
//! - `foresee` says what would hold up a change.
//! - `cutover` moves everyone or some subjects to `new` and back, by `stages`, which edits the settings of the routing policy.
//! - `breaker` takes back policies that keep failing.

pub(crate) mod breaker;
pub(crate) mod cutover;
mod diff;
pub(crate) mod error;
pub(crate) mod foresee;
pub(crate) mod history;
mod kept;
pub(crate) mod stages;

use std::sync::Arc;

use turnout_backends::Database;
use turnout_policies::{File, Files, InForce, Origin, PerWorld, Policies, Refused, Scope};
use turnout_runtime::presentable;
use turnout_vocabulary::{Epoch, PerBackend, Repository, SubjectRule};

use crate::change::timings::Timings;
use crate::change::{ATTEMPTS, Changes};
use crate::learn::Learner;
use crate::obstacle::Obstacle;
use crate::record::format;
use crate::ship::error::NotShipped;
use crate::ship::foresee::end_trial;
use crate::ship::history::History;

/// The longest name of whoever ships something, in bytes.
const WHO_BYTES: usize = 64;

/// Who asks for a change.
#[derive(Clone, Debug, Default)]
pub struct Asker {
    /// Their name, in their own words.
    pub who: String,
    /// Why they want authority to move to `new` although not all is so that this needs.
    pub because: Option<String>,
}

/// What is to become of the set in force.
enum Change {
    Push {
        world: String,
        module: Option<File>,
        settings: Option<File>,
        scope: Option<Scope>,
        by: Origin,
    },
    Activate {
        sha256: String,
        scope: Option<Scope>,
        by: Origin,
    },
    ActivateEpoch {
        epoch: Epoch,
        by: Origin,
    },
    RollBack {
        broken: Vec<String>,
        by: Origin,
    },
    EndTrial {
        promote: bool,
        by: Origin,
    },
}

/// What came into force.
struct Shipped {
    epoch: Epoch,
    timings: Timings,
    /// Why it is not in the directory, if it is not.
    unwritten: Option<String>,
}

/// Brings versions into force, and into the policy directory.
pub struct Shipping {
    pub(crate) policies: Arc<Policies>,
    pub(crate) learner: Arc<Learner>,
    pub(crate) changes: Arc<Changes>,
    pub(crate) history: Arc<History>,
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) repositories: Arc<[Repository]>,
    pub(crate) rule: SubjectRule,
    /// The machine that this host runs on, for the evidence.
    pub(crate) host: String,
}

impl Shipping {
    /// Brings another module or other settings of a world into force, for everybody or on trial. What is not given stays as
    /// it is for those whom it concerns.
    ///
    /// # Errors
    /// [`NotShipped`] with the reason.
    pub async fn push(
        &self,
        world: &str,
        module: Option<File>,
        settings: Option<File>,
        scope: Option<Scope>,
        asker: Asker,
    ) -> Result<Epoch, NotShipped> {
        let change = Change::Push {
            world: world.to_owned(),
            module,
            settings,
            scope,
            by: api(&asker.who),
        };
        self.ship(change, asker.because.as_deref()).await
    }

    /// Brings a version that is kept into force again, with the settings that it had last, by the beginning of its SHA-256: for
    /// everybody, or on trial. On trial while it is in force for everybody already, everybody else gets the version before.
    ///
    /// # Errors
    /// [`NotShipped`] with the reason.
    pub async fn activate(&self, sha256: &str, scope: Option<Scope>, asker: Asker) -> Result<Epoch, NotShipped> {
        let change = Change::Activate {
            sha256: sha256.to_owned(),
            scope,
            by: api(&asker.who),
        };
        self.ship(change, asker.because.as_deref()).await
    }

    /// Brings the whole set of an epoch into force again: both worlds with their modules and settings.
    ///
    /// # Errors
    /// [`NotShipped`] with the reason.
    pub async fn activate_epoch(&self, epoch: Epoch, asker: Asker) -> Result<Epoch, NotShipped> {
        let by = api(&asker.who);
        self.ship(Change::ActivateEpoch { epoch, by }, asker.because.as_deref())
            .await
    }

    /// Puts the set in force that was in force before the present one.
    ///
    /// # Errors
    /// [`NotShipped`] with the reason.
    pub async fn roll_back(&self, asker: Asker) -> Result<Epoch, NotShipped> {
        let change = Change::RollBack {
            broken: Vec::new(),
            by: api(&asker.who),
        };
        self.ship(change, asker.because.as_deref()).await
    }

    /// The same, passing over sets that hold any of these modules.
    pub(crate) async fn roll_back_past(&self, broken: Vec<String>, by: Origin) -> Result<Epoch, NotShipped> {
        self.ship(Change::RollBack { broken, by }, None).await
    }

    /// Ends what is on trial: for everybody from now on, or for nobody.
    ///
    /// # Errors
    /// [`NotShipped`] with the reason.
    pub async fn end_trial(&self, promote: bool, asker: Asker) -> Result<Epoch, NotShipped> {
        let by = api(&asker.who);
        self.ship(Change::EndTrial { promote, by }, asker.because.as_deref())
            .await
    }

    /// Brings a change into force by handoff, and then into the directory. What it changes is the newest set there is: if another
    /// host brings one into force meanwhile, that one.
    async fn ship(&self, change: Change, because: Option<&str>) -> Result<Epoch, NotShipped> {
        for _ in 0..ATTEMPTS {
            // A side that can't be asked now is met again at the handoff.
            let _ = self.learner.learn().await;
            let base = self.policies.in_force();
            let files = self.changed(&base, &change).await?;
            if let Some(shipped) = self.bring(&base, &files, because).await? {
                return match shipped.unwritten {
                    None => Ok(shipped.epoch),
                    Some(reason) => Err(NotShipped::Directory {
                        epoch: shipped.epoch,
                        reason,
                    }),
                };
            }
        }
        Err(self.policies.refuse(&Obstacle::Overtaken).into())
    }

    /// Brings files that were made from the set of an epoch into force by handoff, and then into the directory. `None` if another
    /// host was quicker.
    async fn bring(
        &self,
        base: &InForce,
        files: &PerWorld<Files>,
        because: Option<&str>,
    ) -> Result<Option<Shipped>, NotShipped> {
        let (policies, wanted) = (Arc::clone(&self.policies), files.clone());
        let made = tokio::task::spawn_blocking(move || policies.make(&wanted)).await;
        let set = made.map_err(|error| Refused::whole(self.policies.source.directory(), &error))??;
        let mut timings = Timings::default();
        if !Arc::ptr_eq(&set, &base.set) {
            match self.changes.bring(set, Some(base.epoch), because).await {
                Ok(took) => timings = took,
                Err(Obstacle::Overtaken) => return Ok(None),
                Err(obstacle) => return Err(self.policies.refuse(&obstacle).into()),
            }
        }
        let epoch = self.policies.in_force().epoch;
        // What is on trial is in no file, and one of them may just have been saved.
        let only_trials = base.has_other_trials_than(files);
        let written = if only_trials {
            Ok(())
        } else {
            self.policies.source.put(files)
        };
        Ok(Some(Shipped {
            epoch,
            timings,
            unwritten: written.err().map(|error| error.to_string()),
        }))
    }

    /// What a change makes of the set in force.
    async fn changed(&self, base: &InForce, change: &Change) -> Result<PerWorld<Files>, NotShipped> {
        let mut files = base.files.clone();
        let built_in = self.policies.source.built_in();
        match change {
            Change::Push {
                world,
                module,
                settings,
                scope,
                by,
            } => {
                let of_world = files.get_mut(world).ok_or_else(|| NotShipped::NoWorld(world.clone()))?;
                let module = module.clone().unwrap_or_else(|| of_world.module.clone());
                let settings = settings.clone().unwrap_or_else(|| of_world.settings.clone());
                of_world.decide(module, settings, scope.clone());
                of_world.by = by.clone();
            }
            Change::Activate { sha256, scope, by } => {
                let (database, records) = self.history.records().await?;
                let (world, module, settings) = kept::version(built_in, database, &records, sha256).await?;
                let of_world = files
                    .get_mut(world)
                    .ok_or_else(|| NotShipped::NoWorld(world.to_owned()))?;
                if scope.is_some() && of_world.stable() == (&module, &settings) {
                    let before = kept::stable_before(built_in, database, &records, world, of_world).await?;
                    (of_world.module, of_world.settings) = (before.module, before.settings);
                }
                of_world.decide(module, settings, scope.clone());
                of_world.by = by.clone();
            }
            Change::ActivateEpoch { epoch, by } => {
                let (database, records) = self.history.records().await?;
                files = format::files(built_in, database, kept::record_of(&records, *epoch)?).await?;
                for (_, world) in files.iter_mut() {
                    world.by = by.clone();
                }
            }
            Change::RollBack { broken, by } => {
                let is_broken = |files: &Files| files.modules().any(|module| broken.contains(&module.digest));
                if !broken.is_empty() && !files.iter().any(|(_, files)| is_broken(files)) {
                    // Somebody else was quicker.
                    return Ok(files);
                }
                let (database, records) = self.history.records().await?;
                let only_advice_is_broken =
                    !broken.is_empty() && !is_broken(&files.routing) && !is_broken(&files.dual_write);
                let mut before = kept::set_before(built_in, database, &records, base, broken).await?;
                for (_, world) in before.iter_mut() {
                    world.by = by.clone();
                }
                if only_advice_is_broken {
                    // Bad advice moves no authority.
                    (before.routing, before.dual_write) = (files.routing, files.dual_write);
                }
                files = before;
            }
            Change::EndTrial { promote, by } => {
                let mut ended = false;
                for (_, world) in files.iter_mut() {
                    if end_trial(world, *promote) {
                        ended = true;
                        world.by = by.clone();
                    }
                }
                if !ended {
                    return Err(NotShipped::NoTrial);
                }
            }
        }
        Ok(files)
    }
}

/// Who asks over the API says so in their own words.
fn api(who: &str) -> Origin {
    Origin {
        who: presentable(who, WHO_BYTES),
        from: "api".into(),
    }
}
