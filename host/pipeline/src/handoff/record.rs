use serde::{Deserialize, Serialize};
use serde_json::Map;
use turnout_backends::{Database, EpochRecord, Error};

use turnout_vocabulary::Epoch;

use crate::policies::Era;
use crate::{File, Files, PerWorld, PolicySet};

/// One world of a policy set, as the databases keep it. The module itself is kept beside, by its digest.
#[derive(Serialize, Deserialize)]
struct Written {
    module: String,
    settings: String,
}

/// A policy set as the databases keep it: JSON.
pub(super) fn of(set: &PolicySet) -> String {
    let written = |files: &Files| Written {
        module: files.module.digest.clone(),
        settings: String::from_utf8_lossy(&files.settings.content).into_owned(),
    };
    let worlds = PerWorld {
        routing: written(&set.files.routing),
        dual_write: written(&set.files.dual_write),
    };
    // Texts always are JSON.
    serde_json::to_string(&worlds).unwrap_or_default()
}

/// The modules of a set, as the databases take them: JSON. Those of an era that both sides have on record are there.
pub(super) fn modules(set: &PolicySet, known: Option<&Era>) -> String {
    let known = known.filter(|era| era.epoch > Epoch::new(0));
    let is_known =
        |digest: &str| known.is_some_and(|era| era.files.iter().any(|(_, files)| files.module.digest == digest));
    let unknown = set.files.iter().filter(|(_, files)| !is_known(&files.module.digest));
    let modules = unknown.map(|(_, files)| {
        let bytes = hex::encode(&files.module.content);
        (files.module.digest.clone(), bytes.into())
    });
    serde_json::Value::Object(modules.collect::<Map<_, _>>()).to_string()
}

/// The files of a set that a database keeps.
pub(super) async fn files(database: &Database, record: &EpochRecord) -> Result<PerWorld<Files>, Error> {
    let worlds: PerWorld<Written> =
        serde_json::from_str(&record.set).map_err(|_| unusable(database, record, "can't be read"))?;
    Ok(PerWorld {
        routing: kept(database, record, worlds.routing, "routing").await?,
        dual_write: kept(database, record, worlds.dual_write, "dual-write").await?,
    })
}

async fn kept(database: &Database, record: &EpochRecord, written: Written, world: &str) -> Result<Files, Error> {
    let module = database.module_bytes(&written.module).await?;
    let module = module.ok_or_else(|| unusable(database, record, "names a module that is not there"))?;
    let place = format!("epoch {} of backend {}: {world}", record.epoch, database.backend());
    Ok(Files {
        module: File::new(format!("{place}.wasm"), module),
        settings: File::new(format!("{place}.toml"), written.settings.into_bytes()),
    })
}

fn unusable(database: &Database, record: &EpochRecord, reason: &str) -> Error {
    Error::Unexpected {
        backend: database.backend(),
        reason: format!("the record of epoch {} {reason}", record.epoch),
    }
}
