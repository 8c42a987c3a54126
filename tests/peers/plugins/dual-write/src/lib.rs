//! The dual-write policy as an Extism plugin, in the manner of the one for routing.

#![allow(missing_docs, reason = "of what the macro `plugin_fn` writes")]

use std::sync::OnceLock;

use extism_pdk::{Error, FnResult, plugin_fn};
use turnout_dual_write::Mirroring;
use turnout_policy::dual_write::{DualWrite, MirrorPlan};
use turnout_policy::{Action, Backend, Operation, Target};

static POLICY: OnceLock<Mirroring> = OnceLock::new();

/// Takes the settings, as JSON. There is one repository.
#[plugin_fn]
pub fn take_settings(settings: String) -> FnResult<()> {
    let policy = Mirroring::configure(serde_json::from_str(&settings)?, &["clients".into()])
        .map_err(|error| Error::msg(error.to_string()))?;
    POLICY
        .set(policy)
        .map_err(|_| Error::msg("the settings are there already"))?;
    Ok(())
}

/// The authority and an update's target in; out comes 0 for off, 1 for async, or 2 and the milliseconds of sync.
#[plugin_fn]
pub fn decide_mirror(asked: Vec<u8>) -> FnResult<Vec<u8>> {
    let policy = POLICY.get().ok_or(Error::msg("there are no settings yet"))?;
    let (authority, asked) = asked.split_first().ok_or(Error::msg("no authority"))?;
    let (repository, subject) = asked.split_first_chunk().ok_or(Error::msg("no repository"))?;
    let operation = Operation {
        action: Action::Update,
        target: Target {
            repository: u16::from_le_bytes(*repository),
            subject: Some(str::from_utf8(subject)?.to_owned()),
        },
    };
    let authority = if *authority == 0 { Backend::Old } else { Backend::New };
    Ok(match policy.mirror(&operation, authority) {
        MirrorPlan::Off => vec![0],
        MirrorPlan::Async => vec![1],
        MirrorPlan::Sync(bound) => [&[2], bound.to_le_bytes().as_slice()].concat(),
    })
}
