use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;
use turnout_backends::{Database, MirrorStanding};
use turnout_vocabulary::{Backend, PerBackend, Span};

use crate::config::Config;

/// How old the last verification may be.
const VERIFIED_WITHIN: Duration = Duration::from_hours(24);

/// Something that must hold before the next step.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) passed: bool,
    /// What was found, in words that name no row.
    pub(super) found: String,
}

impl Check {
    /// That these are none.
    fn none(name: &'static str, in_the_way: &[String]) -> Self {
        Self {
            name,
            passed: in_the_way.is_empty(),
            found: if in_the_way.is_empty() {
                "none".to_owned()
            } else {
                in_the_way.join(", ")
            },
        }
    }
}

/// What must hold before everybody is brought to `complete`.
pub(super) async fn before_complete(sides: &PerBackend<Database>, config: &Config) -> Result<Vec<Check>> {
    let mut checks = vec![authority(sides, config).await?];
    checks.extend(mirror(sides).await?);
    checks.push(verified(sides, config).await?);
    Ok(checks)
}

/// What must hold before the installation of `old` is removed.
pub(super) async fn before_removal(sides: &PerBackend<Database>) -> Result<Vec<Check>> {
    let apart = sequences_apart(&sides.new).await?;
    let mut at_work = Vec::new();
    for (backend, database) in sides.iter() {
        if database.is_applied().await? {
            at_work.push(format!(
                "changes of {backend} are looked for: stop all hosts, and run the command again"
            ));
        }
    }
    Ok(vec![
        Check {
            name: "the sequences of new count in steps of one",
            passed: apart == 0,
            found: format!("{apart} do not"),
        },
        Check::none("no host runs any more", &at_work),
    ])
}

/// How many sequences still count in steps that leave room for the other side.
pub(super) async fn sequences_apart(database: &Database) -> Result<usize> {
    let numbering = database.numbering(false).await?;
    Ok(numbering.iter().filter(|numbering| numbering.is_apart).count())
}

async fn authority(sides: &PerBackend<Database>, config: &Config) -> Result<Check> {
    let in_force = crate::command::recorded::in_force(config, sides).await?;
    let in_force = in_force.context("nothing is on record: no host ever served with this configuration")?;
    let elsewhere = config.repositories.iter();
    let elsewhere = elsewhere.filter(|repository| in_force.span(repository.id) != Span::One(Backend::New));
    let elsewhere: Vec<String> = elsewhere.map(|repository| repository.name.clone()).collect();
    Ok(Check::none(
        "no repository has rows whose authority may be old",
        &elsewhere,
    ))
}

async fn mirror(sides: &PerBackend<Database>) -> Result<Vec<Check>> {
    let (mut dirty, mut parked, mut diverged) = (Vec::new(), Vec::new(), Vec::new());
    for (backend, database) in sides.iter() {
        for standing in database.mirror_standing().await? {
            let MirrorStanding { repository, .. } = &standing;
            let tell = |count: u64, kind: &mut Vec<String>| {
                if count > 0 {
                    kind.push(format!("{count} of {repository} on {backend}"));
                }
            };
            // Changes of `new` are on their way for as long as it is written.
            if backend == Backend::Old {
                tell(standing.dirty, &mut dirty);
            }
            tell(standing.held + standing.parked, &mut parked);
            tell(standing.diverged, &mut diverged);
        }
    }
    Ok(vec![
        Check::none("no change of old waits to be mirrored", &dirty),
        Check::none("no key is held or parked", &parked),
        Check::none("no row is known to differ", &diverged),
    ])
}

/// The newest verification of each repository must have found it equal.
async fn verified(sides: &PerBackend<Database>, config: &Config) -> Result<Check> {
    let since = humantime::format_rfc3339_seconds(SystemTime::now() - VERIFIED_WITHIN).to_string();
    let mut verdicts: BTreeMap<String, bool> = BTreeMap::new();
    for kept in sides.new.kept_evidence(&["verify"], &since).await? {
        let proofs: Vec<Value> = serde_json::from_str(kept.result.get()).unwrap_or_default();
        for proof in proofs {
            let name = proof["repository"].as_str().unwrap_or_default().to_owned();
            let is_whole = proof["sample_percent"].is_null();
            verdicts.insert(name, is_whole && proof["verdict"] == "equal");
        }
    }
    let unproved = config.repositories.iter().map(|repository| &repository.name);
    let unproved = unproved.filter(|name| verdicts.get(*name) != Some(&true));
    let unproved: Vec<String> = unproved.cloned().collect();
    Ok(Check::none(
        "no repository lacks a verification of the last 24 hours that found it equal",
        &unproved,
    ))
}
