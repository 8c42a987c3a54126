use std::time::Duration;

use serde::{Deserialize, Serialize};
use turnout_backends::{Database, EpochRecord, Error};
use turnout_policies::{Era, File, Files, OnTrial, Origin, PerWorld, PolicySet, Scope};
use turnout_runtime::{DualWrite, Routing, World as _};

use turnout_vocabulary::Epoch;

use crate::{ShippedTrial, ShippedVersion, SiteDescription};

/// One version, stable or on trial, as the databases keep it. The module itself is kept beside, by its digest.
#[derive(Serialize, Deserialize)]
pub(crate) struct Version {
    pub module: String,
    pub(crate) settings: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<String>,
}

/// One world of a policy set, as the databases keep it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Written {
    #[serde(flatten)]
    stable: Version,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trial: Option<Box<WrittenTrial>>,
    #[serde(flatten)]
    by: Origin,
}

/// A version on trial, as the databases keep it.
#[derive(Serialize, Deserialize)]
struct WrittenTrial {
    #[serde(flatten)]
    version: Version,
    scope: Scope,
}

impl Version {
    fn of(module: &File, settings: &File) -> Self {
        Self {
            module: module.digest.clone(),
            settings: String::from_utf8_lossy(&settings.content).into_owned(),
            signature: module.signature.clone(),
        }
    }
}

impl Written {
    /// The stable version, and the one on trial.
    pub(crate) fn into_versions(self) -> (Version, Option<Version>) {
        (self.stable, self.trial.map(|trial| trial.version))
    }

    /// The same for people.
    pub(crate) fn shipped(self) -> ShippedVersion {
        let digest = |text: String| File::new("", text.into_bytes()).digest;
        ShippedVersion {
            module: self.stable.module,
            settings: digest(self.stable.settings),
            by: self.by,
            trial: self.trial.map(|trial| ShippedTrial {
                module: trial.version.module,
                settings: digest(trial.version.settings),
                scope: trial.scope.to_string(),
            }),
        }
    }
}

/// What tells the stable versions of a set on record from those of another; the same as [`digest`] of their files.
pub(crate) fn digest_of(written: &PerWorld<Written>) -> String {
    let of = |written: &Written| {
        let settings = File::new("", written.stable.settings.clone().into_bytes()).digest;
        [written.stable.module.clone(), settings]
    };
    of_parts(&[of(&written.routing), of(&written.dual_write)])
}

/// The versions of all worlds on record, those on trial included, each with the name of its world.
pub(crate) fn versions(written: PerWorld<Written>) -> impl Iterator<Item = (&'static str, Version)> {
    let worlds = [(Routing::NAME, written.routing), (DualWrite::NAME, written.dual_write)];
    worlds.into_iter().flat_map(|(world, written)| {
        std::iter::once(written.stable)
            .chain(written.trial.map(|trial| trial.version))
            .map(move |version| (world, version))
    })
}

/// An era as the databases keep it, before it is released.
pub(crate) fn epoch(era: &Era, converged: &[String], site: &SiteDescription) -> EpochRecord {
    EpochRecord {
        epoch: era.epoch,
        set: of(&era.set),
        forced: era.forced,
        released: false,
        age: Duration::ZERO,
        converged: converged.to_vec(),
        site: Some(site.to_json()),
    }
}

/// What tells the stable versions of these files from others: who shipped them and what is on trial make no difference.
pub(crate) fn digest(files: &PerWorld<Files>) -> String {
    let of = |files: &Files| [files.module.digest.clone(), files.settings.digest.clone()];
    of_parts(&[of(&files.routing), of(&files.dual_write)])
}

fn of_parts(worlds: &[[String; 2]; 2]) -> String {
    File::new("", worlds.concat().concat().into_bytes()).digest
}

/// A policy set as the databases keep it: JSON.
fn of(set: &PolicySet) -> String {
    let written = |files: &Files| Written {
        stable: Version::of(&files.module, &files.settings),
        trial: files.trial.as_ref().map(|trial| {
            Box::new(WrittenTrial {
                version: Version::of(&trial.module, &trial.settings),
                scope: trial.scope.clone(),
            })
        }),
        by: files.by.clone(),
    };
    let worlds = PerWorld {
        routing: written(&set.files.routing),
        dual_write: written(&set.files.dual_write),
    };
    // Texts always are JSON.
    serde_json::to_string(&worlds).unwrap_or_default()
}

/// The modules of a set without those of an era that both sides have on record.
pub(crate) fn modules<'a>(set: &'a PolicySet, known: Option<&Era>) -> Vec<&'a [u8]> {
    let known = known.filter(|era| era.epoch > Epoch::new(0));
    let is_known = |module: &File| known.is_some_and(|era| all_modules(era).any(|known| known == module));
    let unknown = all_modules(set).filter(|module| !is_known(module));
    unknown.map(|module| &module.content[..]).collect()
}

fn all_modules(set: &PolicySet) -> impl Iterator<Item = &File> {
    set.files.iter().flat_map(|(_, files)| files.modules())
}

/// What a database has written down of a set.
pub(crate) fn worlds(database: &Database, record: &EpochRecord) -> Result<PerWorld<Written>, Error> {
    serde_json::from_str(&record.set).map_err(|_| unusable(database, record, "can't be read"))
}

/// The files of a set that a database keeps.
pub(crate) async fn files(database: &Database, record: &EpochRecord) -> Result<PerWorld<Files>, Error> {
    let worlds = worlds(database, record)?;
    Ok(PerWorld {
        routing: kept(database, record, worlds.routing, "routing").await?,
        dual_write: kept(database, record, worlds.dual_write, "dual-write").await?,
    })
}

async fn kept(database: &Database, record: &EpochRecord, written: Written, world: &str) -> Result<Files, Error> {
    let place = format!("epoch {} of backend {}: {world}", record.epoch, database.backend());
    let read = async |version: Version| {
        let module = database.module_bytes(&version.module).await?;
        let module = module.ok_or_else(|| unusable(database, record, "names a module that is not there"))?;
        Ok::<_, Error>((
            File::new(format!("{place}.wasm"), module).signed(version.signature),
            File::new(format!("{place}.toml"), version.settings.into_bytes()),
        ))
    };
    let trial = match written.trial {
        Some(trial) => {
            let (module, settings) = read(trial.version).await?;
            Some(Box::new(OnTrial {
                module,
                settings,
                scope: trial.scope,
            }))
        }
        None => None,
    };
    let (module, settings) = read(written.stable).await?;
    Ok(Files {
        module,
        settings,
        trial,
        by: written.by,
    })
}

fn unusable(database: &Database, record: &EpochRecord, reason: &str) -> Error {
    Error::Unexpected {
        backend: database.backend(),
        reason: format!("the record of epoch {} {reason}", record.epoch),
    }
}
