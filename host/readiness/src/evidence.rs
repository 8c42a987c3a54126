//! What the results of evidence say, as far as it is judged here. A result that can't be read says no.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::facts::{Facts, Proof};

/// The result of a preflight.
#[derive(Default, Deserialize)]
pub(crate) struct Preflight {
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    severity: String,
}

impl Preflight {
    /// How many findings block the migration.
    pub(crate) fn blocking(&self) -> usize {
        let blocking = self.findings.iter().filter(|finding| finding.severity == "blocks");
        blocking.count()
    }
}

/// What a comparison found of one repository.
#[derive(Deserialize)]
pub(crate) struct Compared {
    repository: String,
    pub(crate) verdict: String,
    #[serde(default)]
    pub(crate) sample_percent: Option<f64>,
}

impl Compared {
    /// What a comparison found of this repository.
    pub(crate) fn of(proof: &Proof, repository: &str) -> Option<Self> {
        let all: Vec<Self> = read(&proof.result)?;
        all.into_iter().find(|compared| compared.repository == repository)
    }
}

/// The result of a look at both schemas.
#[derive(Deserialize)]
pub(crate) struct Drift {
    pub(crate) changes: Vec<SchemaChange>,
}

/// What changed in a schema.
#[derive(Deserialize)]
pub(crate) struct SchemaChange {
    #[serde(default)]
    pub(crate) table: Option<String>,
    pub(crate) object: String,
}

/// The result of a backfill.
#[derive(Deserialize)]
pub(crate) struct Backfill {
    pub(crate) complete: bool,
    pub(crate) repositories: BTreeMap<String, Value>,
}

/// The result of a comparison of speed.
#[derive(Deserialize)]
pub(crate) struct Baseline {
    pub(crate) slower: Vec<String>,
}

/// The result of a rehearsed rollback.
#[derive(Deserialize)]
pub(crate) struct Drill {
    pub(crate) passed: bool,
}

/// What a result says; `None` if it can't be read.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(result: &Value) -> Option<T> {
    T::deserialize(result).ok()
}

impl Facts {
    /// The newest evidence of a kind.
    pub(crate) fn newest(&self, kind: &str) -> Option<&Proof> {
        self.evidence.iter().rfind(|proof| proof.kind == kind)
    }

    /// The newest evidence of a kind that names a repository.
    pub(crate) fn newest_of(&self, kind: &str, repository: &String) -> Option<&Proof> {
        let names = |proof: &&Proof| proof.kind == kind && proof.repositories.contains(repository);
        self.evidence.iter().rev().find(names)
    }
}
