use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use turnout_vocabulary::{RecordingKey, Repository, RepositoryId, SubjectKind, SubjectRule};

use super::file;

/// What a policy may know of a deployment, written as in `turnout.toml`: the repositories, and how subjects are read; beside it
/// the key that its recordings are made with.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Surroundings {
    api: Api,
    subjects: Subjects,
    repositories: BTreeMap<String, Table>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Api {
    admin_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(try_from = "Written")]
struct Subjects(SubjectRule);

/// The section `subjects`.
#[derive(Deserialize)]
struct Written {
    kind: Option<SubjectKind>,
    region: Option<String>,
}

impl TryFrom<Written> for Subjects {
    type Error = String;

    fn try_from(Written { kind, region }: Written) -> Result<Self, String> {
        let region = region.as_deref().unwrap_or("RU");
        SubjectRule::of_kind(kind.unwrap_or(SubjectKind::Phone), region)
            .map(Self)
            .ok_or_else(|| format!("there is no region {region:?}; give a two-letter code such as \"RU\""))
    }
}

impl Default for Subjects {
    fn default() -> Self {
        Self(SubjectRule::for_region("RU").expect("there is a region RU"))
    }
}

#[derive(Deserialize)]
struct Table {
    subject: Option<String>,
}

impl Surroundings {
    /// Those of a configuration file; `None` if it is not there. Nothing else of it is read.
    pub(super) fn of(config: &Path) -> Result<Option<Self>> {
        if !config.exists() {
            return Ok(None);
        }
        let surroundings =
            toml::from_str(&file::text(config)?).with_context(|| format!("the configuration {}", config.display()))?;
        Ok(Some(surroundings))
    }

    /// Where nothing is known: one repository whose rows belong to subjects, so that there is something to decide on.
    pub(super) fn made_up() -> Self {
        Self::with_repositories([("clients".to_owned(), true)])
    }

    /// Where nothing but the repositories is known, and whether their rows belong to subjects.
    pub(super) fn with_repositories(repositories: impl IntoIterator<Item = (String, bool)>) -> Self {
        let table = |(name, has_subject): (_, bool)| {
            let subject = has_subject.then(|| "phone".to_owned());
            (name, Table { subject })
        };
        Self {
            repositories: repositories.into_iter().map(table).collect(),
            ..Self::default()
        }
    }

    /// The key of its recordings; `None` if neither the environment nor the configuration says.
    pub(super) fn recording_key(&self) -> Option<RecordingKey> {
        let secret = std::env::var("TURNOUT_ADMIN_KEY").ok();
        secret
            .or_else(|| self.api.admin_key.clone())
            .as_deref()
            .map(RecordingKey::of)
    }

    /// How subjects are read.
    pub(super) fn rule(&self) -> &SubjectRule {
        &self.subjects.0
    }

    /// The repositories, numbered as a host numbers them: in the order of their names.
    pub(super) fn repositories(&self) -> Vec<Repository> {
        let repository = |((name, table), number): ((&String, &Table), u16)| Repository {
            id: RepositoryId(number),
            name: name.clone(),
            table: name.clone(),
            schema: String::new(),
            key: vec![],
            subject: table.subject.clone(),
            compared: vec![],
        };
        self.repositories.iter().zip(0..).map(repository).collect()
    }
}
