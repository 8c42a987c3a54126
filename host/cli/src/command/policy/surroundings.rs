use std::collections::BTreeMap;

use serde::Deserialize;
use turnout_vocabulary::{Repository, RepositoryId, SubjectRule};

/// What a policy may know of a deployment, written as in `turnout.toml`: the repositories, and how phones are read.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Surroundings {
    subjects: Subjects,
    repositories: BTreeMap<String, Table>,
}

#[derive(Deserialize)]
#[serde(default)]
struct Subjects {
    region: Region,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Region(SubjectRule);

impl TryFrom<String> for Region {
    type Error = String;

    fn try_from(region: String) -> Result<Self, String> {
        SubjectRule::for_region(&region)
            .map(Self)
            .ok_or_else(|| format!("there is no region {region:?}; give a two-letter code such as \"RU\""))
    }
}

impl Default for Subjects {
    fn default() -> Self {
        let russia = SubjectRule::for_region("RU").expect("there is a region RU");
        Self { region: Region(russia) }
    }
}

#[derive(Deserialize)]
struct Table {
    subject: Option<String>,
}

impl Surroundings {
    /// Where nothing is known: one repository whose rows belong to subjects, so that there is something to decide on.
    pub(super) fn made_up() -> Self {
        let subject = Some("phone".into());
        Self {
            repositories: BTreeMap::from([("clients".into(), Table { subject })]),
            ..Self::default()
        }
    }

    /// How phones are read.
    pub(super) fn rule(&self) -> &SubjectRule {
        &self.subjects.region.0
    }

    /// The repositories, numbered as a host numbers them: in the order of their names.
    pub(super) fn repositories(&self) -> Vec<Repository> {
        let repository = |((name, table), number): ((&String, &Table), u16)| Repository {
            id: RepositoryId(number),
            name: name.clone(),
            schema: String::new(),
            key: vec![],
            subject: table.subject.clone(),
            compared: vec![],
        };
        self.repositories.iter().zip(0..).map(repository).collect()
    }
}
