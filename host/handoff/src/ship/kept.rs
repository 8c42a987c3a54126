use turnout_backends::{Database, EpochRecord};

use turnout_policies::{File, Files, InForce, PerWorld};
use turnout_vocabulary::Epoch;

use crate::record::format;
use crate::ship::error::NotShipped;

/// How many digits of a SHA-256 name a version at least: fewer may name another one tomorrow.
const DIGITS: usize = 8;

/// The record of one epoch.
pub(super) fn record_of(records: &[EpochRecord], epoch: Epoch) -> Result<&EpochRecord, NotShipped> {
    let found = records.iter().find(|written| written.epoch == epoch);
    found.ok_or(NotShipped::NoEpoch(epoch))
}

/// The version that is kept under the beginning of a SHA-256, with the settings that it had last, and its world.
pub(super) async fn version(
    built_in: &PerWorld<Files>,
    database: &Database,
    records: &[EpochRecord],
    sha256: &str,
) -> Result<(&'static str, File, File), NotShipped> {
    let unknown = || NotShipped::Unknown(sha256.to_owned());
    if sha256.len() < DIGITS || !sha256.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(NotShipped::NoDigest(sha256.to_owned()));
    }
    let mut found: Option<(&str, format::Version)> = None;
    for written in records.iter().rev() {
        for (world, written) in format::versions(format::worlds(built_in, database, written)?) {
            match &found {
                _ if !written.module.starts_with(sha256) => {}
                None => found = Some((world, written)),
                Some((_, first)) if first.module != written.module => {
                    return Err(NotShipped::Ambiguous(sha256.to_owned()));
                }
                Some(_) => {}
            }
        }
    }
    let (world, version) = found.ok_or_else(unknown)?;
    let bytes = database.module_bytes(&version.module).await?.ok_or_else(unknown)?;
    Ok((
        world,
        File::new(format!("{world}.wasm"), bytes).signed(version.signature),
        File::new(format!("{world}.toml"), version.settings.into_bytes()),
    ))
}

/// The set before this one, passing over those that hold any of these modules.
pub(super) async fn set_before(
    built_in: &PerWorld<Files>,
    database: &Database,
    records: &[EpochRecord],
    now: &InForce,
    broken: &[String],
) -> Result<PerWorld<Files>, NotShipped> {
    for written in records.iter().rev().filter(|written| written.released) {
        let mut versions = format::versions(format::worlds(built_in, database, written)?);
        if !versions.any(|(_, version)| broken.contains(&version.module)) {
            let files = format::files(built_in, database, written).await?;
            if !now.is_of(&files) {
                return Ok(files);
            }
        }
    }
    Err(NotShipped::NoEarlier)
}

/// The stable version of a world before this one.
pub(super) async fn stable_before(
    built_in: &PerWorld<Files>,
    database: &Database,
    records: &[EpochRecord],
    world: &str,
    now: &Files,
) -> Result<Files, NotShipped> {
    for written in records.iter().rev().filter(|written| written.released) {
        let mut files = format::files(built_in, database, written).await?;
        let of_world = files.get_mut(world).ok_or(NotShipped::NoEarlier)?;
        if of_world.stable() != now.stable() {
            return Ok(of_world.clone());
        }
    }
    Err(NotShipped::NoEarlier)
}
