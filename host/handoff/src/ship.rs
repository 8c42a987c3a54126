mod diff;
mod kept;
mod shown;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use turnout_backends::{Database, EpochRecord, Error as BackendError};
use turnout_policies::{File, Files, InForce, Origin, PerWorld, Refused, Scope, Worlds};
use turnout_runtime::presentable;
use turnout_vocabulary::{Backend, Epoch};

pub use shown::{ShownEpoch, ShownTrial, ShownVersion, VersionDiff};

use crate::change::ATTEMPTS;
use crate::foresee::end_trial;
use crate::{Handoffs, Obstacle, record};

/// The longest name of whoever ships something, in bytes.
const WHO_BYTES: usize = 64;

/// Why a version was not shipped. What was in force is in force.
#[derive(Debug, thiserror::Error)]
pub enum NotShipped {
    /// There is no such world.
    #[error("there is no world {0:?}; the worlds are {worlds}", worlds = worlds())]
    NoWorld(String),
    /// No version that is kept has this SHA-256.
    #[error("no version whose SHA-256 begins with {0:?} is kept; see `turnout policy list`")]
    Unknown(String),
    /// The text can't name a version.
    #[error(
        "{0:?} names no version; give the first 8 or more digits of its SHA-256, as `turnout policy list` shows it"
    )]
    NoDigest(String),
    /// An epoch is not on record.
    #[error("epoch {0} is not kept; see `turnout policy list`")]
    NoEpoch(Epoch),
    /// Several versions have it.
    #[error("the SHA-256 of several versions begins with {0:?}; give more of it")]
    Ambiguous(String),
    /// Nothing was in force before.
    #[error("there is no earlier version to go back to")]
    NoEarlier,
    /// No version is on trial.
    #[error("no version is on trial")]
    NoTrial,
    /// The policies are refused.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// The record of versions can't be read.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// It is in force, but not in the directory.
    #[error(
        "epoch {epoch} is in force, but the policy directory can't be written ({reason}): put the same files there, or \
             the next start of a host brings the old ones back"
    )]
    Directory {
        /// The epoch that is in force.
        epoch: Epoch,
        /// Why.
        reason: String,
    },
}

/// A set that is or was in force.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shipment {
    /// Under which epoch.
    pub epoch: u64,
    /// How long ago it began, in seconds.
    pub age_seconds: f64,
    /// What decided in each world.
    pub worlds: PerWorld<ShippedVersion>,
}

/// One version of one world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippedVersion {
    /// The SHA-256 of the module, in hexadecimal.
    pub module: String,
    /// The SHA-256 of its settings.
    pub settings: String,
    /// Who shipped it, and from where.
    #[serde(flatten)]
    pub by: Origin,
    /// The version on trial beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<ShippedTrial>,
}

/// A version on trial. It names no subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippedTrial {
    /// The SHA-256 of the module, in hexadecimal.
    pub module: String,
    /// The SHA-256 of its settings.
    pub settings: String,
    /// For whom it decides, in words.
    pub scope: String,
}

/// What is to become of the set in force.
enum Shipping {
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

impl Handoffs {
    /// Brings another module or other settings of a world into force, for everybody or on trial. What is not given stays as
    /// it is for those whom it concerns.
    ///
    /// # Errors
    /// [`NotShipped`] with the reason.
    pub async fn push(
        self: &Arc<Self>,
        world: &str,
        module: Option<File>,
        settings: Option<File>,
        scope: Option<Scope>,
        who: String,
    ) -> Result<Epoch, NotShipped> {
        self.ship(Shipping::Push {
            world: world.to_owned(),
            module,
            settings,
            scope,
            by: api(&who),
        })
        .await
    }

    /// Brings a version that is kept into force again, with the settings that it had last, by the beginning of its SHA-256: for
    /// everybody, or on trial. On trial while it is in force for everybody already, everybody else gets the version before.
    ///
    /// # Errors
    /// [`NotShipped`] with the reason.
    pub async fn activate(
        self: &Arc<Self>,
        sha256: &str,
        scope: Option<Scope>,
        who: String,
    ) -> Result<Epoch, NotShipped> {
        self.ship(Shipping::Activate {
            sha256: sha256.to_owned(),
            scope,
            by: api(&who),
        })
        .await
    }

    /// Brings the whole set of an epoch into force again: both worlds with their modules and settings.
    ///
    /// # Errors
    /// [`NotShipped`] with the reason.
    pub async fn activate_epoch(self: &Arc<Self>, epoch: Epoch, who: String) -> Result<Epoch, NotShipped> {
        self.ship(Shipping::ActivateEpoch { epoch, by: api(&who) }).await
    }

    /// Puts the set in force that was in force before the present one.
    ///
    /// # Errors
    /// [`NotShipped`] with the reason.
    pub async fn roll_back(self: &Arc<Self>, who: String) -> Result<Epoch, NotShipped> {
        self.roll_back_past(Vec::new(), api(&who)).await
    }

    /// The same, passing over sets that hold any of these modules.
    pub(crate) async fn roll_back_past(self: &Arc<Self>, broken: Vec<String>, by: Origin) -> Result<Epoch, NotShipped> {
        self.ship(Shipping::RollBack { broken, by }).await
    }

    /// Ends what is on trial: for everybody from now on, or for nobody.
    ///
    /// # Errors
    /// [`NotShipped`] with the reason.
    pub async fn end_trial(self: &Arc<Self>, promote: bool, who: String) -> Result<Epoch, NotShipped> {
        self.ship(Shipping::EndTrial { promote, by: api(&who) }).await
    }

    /// What is and was in force, newest first, as far as it is kept.
    ///
    /// # Errors
    /// If neither side can be asked.
    pub async fn shipments(&self) -> Result<Vec<Shipment>, BackendError> {
        let (database, records) = self.records().await?;
        let shipped = records.iter().rev().map(|written| {
            let worlds = record::worlds(self.policies.source.built_in(), database, written)?;
            Ok(Shipment {
                epoch: written.epoch.get(),
                age_seconds: written.age.as_secs_f64(),
                worlds: worlds.map(|_, written| written.shipped()),
            })
        });
        shipped.collect()
    }

    /// Brings a change into force by handoff, and then into the directory. What it changes is the newest set there is: if another
    /// host brings one into force meanwhile, that one.
    async fn ship(self: &Arc<Self>, change: Shipping) -> Result<Epoch, NotShipped> {
        for _ in 0..ATTEMPTS {
            // A side that can't be asked now is met again at the handoff.
            let _ = self.learn().await;
            let base = self.policies.in_force();
            let files = self.changed(&base, &change).await?;
            let (policies, wanted) = (Arc::clone(&self.policies), files.clone());
            let made = tokio::task::spawn_blocking(move || policies.make(&wanted)).await;
            let set = made.map_err(|error| Refused::whole(self.policies.source.directory(), &error))??;
            if !Arc::ptr_eq(&set, &base.set) {
                match self.bring(set, Some(base.epoch)).await {
                    Ok(()) => {}
                    Err(Obstacle::Overtaken) => continue,
                    Err(obstacle) => return Err(self.policies.refuse(&obstacle).into()),
                }
            }
            let epoch = self.policies.in_force().epoch;
            if base.has_other_trials_than(&files) {
                // That is in no file, and one of them may just have been saved.
                return Ok(epoch);
            }
            let written = self.policies.source.put(&files);
            return match written {
                Ok(()) => Ok(epoch),
                Err(error) => Err(NotShipped::Directory {
                    epoch,
                    reason: error.to_string(),
                }),
            };
        }
        Err(self.policies.refuse(&Obstacle::Overtaken).into())
    }

    /// What a change makes of the set in force.
    async fn changed(&self, base: &InForce, change: &Shipping) -> Result<PerWorld<Files>, NotShipped> {
        let mut files = base.files.clone();
        let built_in = self.policies.source.built_in();
        match change {
            Shipping::Push {
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
            Shipping::Activate { sha256, scope, by } => {
                let (database, records) = self.records().await?;
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
            Shipping::ActivateEpoch { epoch, by } => {
                let (database, records) = self.records().await?;
                files = record::files(built_in, database, kept::record_of(&records, *epoch)?).await?;
                for (_, world) in files.iter_mut() {
                    world.by = by.clone();
                }
            }
            Shipping::RollBack { broken, by } => {
                let is_broken = |files: &Files| files.modules().any(|module| broken.contains(&module.digest));
                if !broken.is_empty() && !files.iter().any(|(_, files)| is_broken(files)) {
                    // Somebody else was quicker.
                    return Ok(files);
                }
                let (database, records) = self.records().await?;
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
            Shipping::EndTrial { promote, by } => {
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

    /// The epochs that are kept, oldest first, by a side that can be asked.
    async fn records(&self) -> Result<(&Database, Vec<EpochRecord>), BackendError> {
        let old = &self.backends.old;
        if let Ok(records) = old.epochs(Epoch::new(0)).await {
            return Ok((old, records));
        }
        let new = &self.backends[Backend::New];
        Ok((new, new.epochs(Epoch::new(0)).await?))
    }
}

fn worlds() -> String {
    Worlds::default().names().collect::<Vec<_>>().join(", ")
}

/// Who asks over the API says so in their own words.
fn api(who: &str) -> Origin {
    Origin {
        who: presentable(who, WHO_BYTES),
        from: "api".into(),
    }
}
