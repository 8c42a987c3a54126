use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use turnout_backends::{Database, EpochRecord, Error};
use turnout_policies::{Era, File, Files, Freeze, OnTrial, Origin, PerWorld, PolicySet, Scope, key};
use turnout_vocabulary::Epoch;

use crate::site::SiteDescription;

/// One version, stable or on trial, as the databases keep it. The module itself is kept beside, by its digest.
#[derive(Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) module: String,
    pub(crate) settings: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<String>,
}

/// One world of a policy set, as the databases keep it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Written {
    #[serde(flatten)]
    pub(crate) stable: Version,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trial: Option<Box<WrittenTrial>>,
    #[serde(flatten)]
    pub(crate) by: Origin,
}

/// A version on trial, as the databases keep it.
#[derive(Serialize, Deserialize)]
pub(crate) struct WrittenTrial {
    #[serde(flatten)]
    pub(crate) version: Version,
    pub(crate) scope: Scope,
}

impl Version {
    fn of(module: &File, settings: &File) -> Self {
        Self {
            module: module.digest.clone(),
            settings: String::from_utf8_lossy(&settings.content).into_owned(),
            signature: module.signature.clone(),
        }
    }

    /// The SHA-256 of its module, and that of its settings.
    pub(crate) fn digests(&self) -> [String; 2] {
        let settings = File::new("", self.settings.clone().into_bytes()).digest;
        [self.module.clone(), settings]
    }
}

impl Written {
    fn of(files: &Files) -> Self {
        Self {
            stable: Version::of(&files.module, &files.settings),
            trial: files.trial.as_ref().map(|trial| {
                Box::new(WrittenTrial {
                    version: Version::of(&trial.module, &trial.settings),
                    scope: trial.scope.clone(),
                })
            }),
            by: files.by.clone(),
        }
    }

    /// The SHA-256 of the stable module, and that of its settings.
    pub(crate) fn digests(&self) -> [String; 2] {
        self.stable.digests()
    }

    /// The stable version, and the one on trial.
    pub(crate) fn versions(&self) -> (&Version, Option<&Version>) {
        (&self.stable, self.trial.as_ref().map(|trial| &trial.version))
    }
}

/// The versions of all worlds on record, those on trial included, each with the name of its world.
pub(crate) fn versions(written: PerWorld<Written>) -> impl Iterator<Item = (&'static str, Version)> {
    written.into_iter().flat_map(|(world, written)| {
        std::iter::once(written.stable)
            .chain(written.trial.map(|trial| trial.version))
            .map(move |version| (world, version))
    })
}

/// An era as the databases keep it, before it is released.
pub(crate) fn epoch(era: &Era, converged: &[String], site: &SiteDescription) -> EpochRecord {
    EpochRecord {
        epoch: era.epoch,
        set: of(era),
        forced: era.forced,
        released: false,
        age: Duration::ZERO,
        converged: converged.to_vec(),
        site: Some(site.to_json()),
    }
}

/// What tells the stable versions of these files from others: who shipped them and what is on trial make no difference. An
/// advisory world that nobody has given a file for makes none either, so that a version of Turnout which brings another world
/// knows the sets of before.
pub(crate) fn digest(files: &PerWorld<Files>, built_in: &PerWorld<Files>) -> String {
    let mut digest = String::new();
    for (place, (world, files)) in files.iter().enumerate() {
        let is_default = built_in
            .get(world)
            .is_some_and(|built_in| built_in.stable() == files.stable());
        if place < 2 || !is_default {
            digest += &files.module.digest;
            digest += &files.settings.digest;
        }
    }
    File::new("", digest.into_bytes()).digest
}

/// The key of a freeze beside the worlds of a set.
const FROZEN: &str = "frozen";

/// A policy set as the databases keep it: JSON.
fn of(era: &Era) -> String {
    let mut set = json!(era.set.files.map(|_, files| Written::of(files)));
    if let Some(frozen) = &era.frozen {
        set[FROZEN] = json!(**frozen);
    }
    set.to_string()
}

/// Why the application's writes are refused under an epoch; `None` if they are let in.
pub(crate) fn frozen(database: &Database, record: &EpochRecord) -> Result<Option<Freeze>, Error> {
    #[derive(Deserialize)]
    struct Set {
        #[serde(default)]
        frozen: Option<Freeze>,
    }
    let set: Result<Set, _> = serde_json::from_str(&record.set);
    set.map(|set| set.frozen)
        .map_err(|_| unusable(database, record, "can't be read"))
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

/// What a database has written down of a set. In a world that it has nothing of, what is built in decides, as the set was
/// recorded before that world was; but whatever was recorded had a say in who is the authority.
pub(crate) fn worlds(
    built_in: &PerWorld<Files>,
    database: &Database,
    record: &EpochRecord,
) -> Result<PerWorld<Written>, Error> {
    let unreadable = |_| unusable(database, record, "can't be read");
    let mut recorded: Map<String, Value> = serde_json::from_str(&record.set).map_err(unreadable)?;
    if !recorded.contains_key("routing") {
        return Err(unusable(database, record, "has no routing policy"));
    }
    built_in.try_map(|world, built_in| match recorded.remove(&key(world)) {
        Some(written) => serde_json::from_value(written).map_err(unreadable),
        None => Ok(Written::of(built_in)),
    })
}

/// The files of a set that a database keeps.
pub(crate) async fn files(
    built_in: &PerWorld<Files>,
    database: &Database,
    record: &EpochRecord,
) -> Result<PerWorld<Files>, Error> {
    let mut files = built_in.clone();
    for (world, written) in worlds(built_in, database, record)? {
        let built_in = built_in.get(world);
        if let (Some(files), Some(built_in)) = (files.get_mut(world), built_in) {
            *files = kept(database, record, written, world, &built_in.module).await?;
        }
    }
    Ok(files)
}

async fn kept(
    database: &Database,
    record: &EpochRecord,
    written: Written,
    world: &str,
    built_in: &File,
) -> Result<Files, Error> {
    let place = format!("epoch {} of backend {}: {world}", record.epoch, database.backend());
    let read = async |version: Version| {
        let module = if version.module == built_in.digest {
            Some(built_in.content.clone())
        } else {
            database.module_bytes(&version.module).await?
        };
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
