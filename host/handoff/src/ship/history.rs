use std::sync::Arc;

use turnout_backends::{Database, EpochRecord, Error as BackendError};
use turnout_policies::{Origin, PerWorld, Policies};
use turnout_vocabulary::{Epoch, PerBackend};

use crate::record::format;
use crate::ship::error::NotShipped;
use crate::ship::{diff, kept};

/// A set that is or was in force.
#[derive(Clone, Debug)]
pub struct Shipment {
    /// Under which epoch.
    pub epoch: u64,
    /// How long ago it began, in seconds.
    pub age_seconds: f64,
    /// What decided in each world.
    pub worlds: PerWorld<ShippedVersion>,
}

/// One version of one world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShippedVersion {
    /// The SHA-256 of the module, in hexadecimal.
    pub module: String,
    /// The SHA-256 of its settings.
    pub settings: String,
    /// Who shipped it, and from where.
    pub by: Origin,
    /// The version on trial beside it.
    pub trial: Option<ShippedTrial>,
}

/// A version on trial. It names no subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShippedTrial {
    /// The SHA-256 of the module, in hexadecimal.
    pub module: String,
    /// The SHA-256 of its settings.
    pub settings: String,
    /// For whom it decides, in words.
    pub scope: String,
}

/// A set that is or was in force, with its settings.
#[derive(Clone, Debug)]
pub struct ShownEpoch {
    /// Its epoch.
    pub epoch: u64,
    /// How long ago it began, in seconds.
    pub age_seconds: f64,
    /// What decided in each world.
    pub worlds: PerWorld<ShownVersion>,
}

/// One version of one world, with its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownVersion {
    /// The SHA-256 of the module, in hexadecimal.
    pub module: String,
    /// What the module calls itself; `None` if it can't be asked any more.
    pub name: Option<String>,
    /// Which version of itself the module says it is.
    pub version: Option<String>,
    /// Its settings: TOML.
    pub settings: String,
    /// Who shipped it, and from where.
    pub by: Origin,
    /// The version on trial beside it.
    pub trial: Option<ShownTrial>,
}

/// A version on trial, with its settings. It names no subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownTrial {
    /// The SHA-256 of the module, in hexadecimal.
    pub module: String,
    /// Its settings: TOML.
    pub settings: String,
    /// For whom it decides, in words.
    pub scope: String,
}

/// What differs in one world between two epochs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionDiff {
    /// The SHA-256 of the module before and after.
    pub modules: [String; 2],
    /// The changes of the settings as a unified diff; empty if there are none.
    pub settings: String,
    /// The SHA-256 of the module on trial before and after.
    pub trials: [Option<String>; 2],
    /// The changes of the settings on trial as a unified diff; empty if there are none.
    pub trial_settings: String,
}

/// What is and was in force, as far as it is on record.
pub struct History {
    pub(crate) policies: Arc<Policies>,
    pub(crate) backends: Arc<PerBackend<Database>>,
}

impl History {
    /// What is and was in force, newest first, as far as it is kept.
    ///
    /// # Errors
    /// If neither side can be asked.
    pub async fn shipments(&self) -> Result<Vec<Shipment>, BackendError> {
        let (database, records) = self.records().await?;
        let shipments = records.iter().rev().map(|written| {
            let worlds = format::worlds(self.policies.source.built_in(), database, written)?;
            Ok(Shipment {
                epoch: written.epoch.get(),
                age_seconds: written.age.as_secs_f64(),
                worlds: worlds.map(|_, written| shipped(written)),
            })
        });
        shipments.collect()
    }

    /// What is on record of one epoch.
    ///
    /// # Errors
    /// [`NotShipped`] if it is not kept, or neither side can be asked.
    pub async fn show(&self, epoch: Epoch) -> Result<ShownEpoch, NotShipped> {
        let (database, records) = self.records().await?;
        let written = kept::record_of(&records, epoch)?;
        let age_seconds = written.age.as_secs_f64();
        let files = format::files(self.policies.source.built_in(), database, written).await?;
        let policies = Arc::clone(&self.policies);
        // To ask a module what it is means to compile it.
        let shown = tokio::task::spawn_blocking(move || {
            let version = |world: &str, files: &turnout_policies::Files| {
                let described = policies.describe(world, &files.module.content);
                let (name, version) = described.map(|said| (said.name, said.version)).unzip();
                ShownVersion {
                    module: files.module.digest.clone(),
                    name,
                    version,
                    settings: text(&files.settings),
                    by: files.by.clone(),
                    trial: files.trial.as_ref().map(|trial| ShownTrial {
                        module: trial.module.digest.clone(),
                        settings: text(&trial.settings),
                        scope: trial.scope.to_string(),
                    }),
                }
            };
            files.map(version)
        });
        let worlds = shown.await.map_err(|error| self.policies.refuse(&error))?;
        Ok(ShownEpoch {
            epoch: epoch.get(),
            age_seconds,
            worlds,
        })
    }

    /// What differs from one epoch to another.
    ///
    /// # Errors
    /// [`NotShipped`] if one of them is not kept, or neither side can be asked.
    pub async fn diff(&self, before: Epoch, after: Epoch) -> Result<PerWorld<VersionDiff>, NotShipped> {
        let (database, records) = self.records().await?;
        let built_in = self.policies.source.built_in();
        let worlds = |epoch| {
            let record = kept::record_of(&records, epoch)?;
            Ok::<_, NotShipped>(format::worlds(built_in, database, record)?)
        };
        let (before, after) = (worlds(before)?, worlds(after)?);
        before.try_map(|world, before| {
            let after = after.get(world).ok_or_else(|| NotShipped::NoWorld(world.to_owned()))?;
            Ok(between(before, after))
        })
    }

    /// The epochs that are kept, oldest first, by a side that can be asked.
    pub(super) async fn records(&self) -> Result<(&Database, Vec<EpochRecord>), BackendError> {
        let old = &self.backends.old;
        if let Ok(records) = old.epochs(Epoch::new(0)).await {
            return Ok((old, records));
        }
        let new = &self.backends.new;
        Ok((new, new.epochs(Epoch::new(0)).await?))
    }
}

/// What is on record of one world, for people.
fn shipped(written: &format::Written) -> ShippedVersion {
    let [module, settings] = written.stable.digests();
    ShippedVersion {
        module,
        settings,
        by: written.by.clone(),
        trial: written.trial.as_ref().map(|trial| {
            let [module, settings] = trial.version.digests();
            ShippedTrial {
                module,
                settings,
                scope: trial.scope.to_string(),
            }
        }),
    }
}

fn between(before: &format::Written, after: &format::Written) -> VersionDiff {
    let (before, before_trial) = before.versions();
    let (after, after_trial) = after.versions();
    let parts = |version: Option<&format::Version>| {
        let parts = version.map(|version| (version.module.clone(), version.settings.clone()));
        parts.unzip()
    };
    let ((trial_before, settings_before), (trial_after, settings_after)) = (parts(before_trial), parts(after_trial));
    VersionDiff {
        settings: diff::unified(&before.settings, &after.settings),
        modules: [before.module.clone(), after.module.clone()],
        trials: [trial_before, trial_after],
        trial_settings: diff::unified(
            &settings_before.unwrap_or_default(),
            &settings_after.unwrap_or_default(),
        ),
    }
}

fn text(file: &turnout_policies::File) -> String {
    String::from_utf8_lossy(&file.content).into_owned()
}
