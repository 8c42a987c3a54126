//! The routing policy as an Extism plugin: the policy's own code, asked in bytes. Numbers are little-endian, backends and
//! actions are numbers in the order of their enums, and the subject is the rest.

#![allow(missing_docs, reason = "of what the macro `plugin_fn` writes")]

use std::sync::OnceLock;

use extism_pdk::{Error, FnResult, plugin_fn};
use turnout_policy::routing::{Admission, Conditions, Health, Routing};
use turnout_policy::{Action, Operation, Target};
use turnout_routing::Stages;

static POLICY: OnceLock<Stages> = OnceLock::new();

/// Takes the settings, as JSON. There is one repository.
#[plugin_fn]
pub fn take_settings(settings: String) -> FnResult<()> {
    let policy = Stages::configure(serde_json::from_str(&settings)?, &["clients".into()])
        .map_err(|error| Error::msg(error.to_string()))?;
    POLICY
        .set(policy)
        .map_err(|_| Error::msg("the settings are there already"))?;
    Ok(())
}

/// A target in, a backend out.
#[plugin_fn]
pub fn decide_authority(asked: Vec<u8>) -> FnResult<Vec<u8>> {
    Ok(vec![policy()?.authority(&target(&asked)?) as u8])
}

/// An operation in; out come the milliseconds after which a refused one may be tried again, or nothing.
#[plugin_fn]
pub fn decide_admit(asked: Vec<u8>) -> FnResult<Vec<u8>> {
    Ok(match policy()?.admit(&operation(&asked)?) {
        Admission::Admit => Vec::new(),
        Admission::Refuse(after) => after.to_le_bytes().into(),
    })
}

/// The conditions and an operation in; out come the primary, the fallback (or 2), and how many of 10,000 are compared.
#[plugin_fn]
pub fn decide_read(asked: Vec<u8>) -> FnResult<Vec<u8>> {
    let (told, asked) = asked.split_first_chunk::<15>().ok_or(Error::msg("no conditions"))?;
    let number = |at: usize| u32::from_le_bytes([told[at], told[at + 1], told[at + 2], told[at + 3]]);
    let health = |at: usize| Health {
        up: told[at] != 0,
        p95: number(at + 1),
    };
    let conditions = Conditions {
        old: health(0),
        new: health(5),
        mirror_lag: (told[10] != 0).then(|| number(11)),
    };
    let plan = policy()?.read(&operation(asked)?, &conditions);
    let [low, high] = plan.compare.to_le_bytes();
    let fallback = plan.fallback.map_or(2, |backend| backend as u8);
    Ok(vec![plan.primary as u8, fallback, low, high])
}

fn policy() -> Result<&'static Stages, Error> {
    POLICY.get().ok_or(Error::msg("there are no settings yet"))
}

fn operation(asked: &[u8]) -> Result<Operation, Error> {
    let (action, asked) = asked.split_first().ok_or(Error::msg("no action"))?;
    Ok(Operation {
        action: match action {
            0 => Action::Find,
            1 => Action::Insert,
            2 => Action::Upsert,
            3 => Action::Update,
            4 => Action::Delete,
            _ => Action::Call,
        },
        target: target(asked)?,
    })
}

fn target(asked: &[u8]) -> Result<Target, Error> {
    let (repository, subject) = asked.split_first_chunk().ok_or(Error::msg("no repository"))?;
    Ok(Target {
        repository: u16::from_le_bytes(*repository),
        subject: Some(str::from_utf8(subject)?.to_owned()),
    })
}
