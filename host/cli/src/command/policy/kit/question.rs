use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use turnout_vocabulary::{Action, RepositoryId, Subject};

use crate::command::policy::surroundings::Surroundings;

/// What a case asks, and where.
pub(in crate::command::policy) struct Question<'c> {
    /// By the keys of the case.
    pub(in crate::command::policy) inputs: &'c Map<String, Value>,
    pub(in crate::command::policy) surroundings: &'c Surroundings,
}

/// An operation, as a case writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(with = "ActionWord")]
    action: Action,
    repository: String,
    subject: Option<String>,
}

/// An operation, as a policy knows it.
pub(super) struct Operation {
    pub(super) action: Action,
    pub(super) repository: RepositoryId,
    pub(super) subject: Option<Subject>,
}

/// An action, as cases write it.
#[derive(Deserialize)]
#[serde(remote = "Action", rename_all = "lowercase")]
pub(super) enum ActionWord {
    Find,
    Insert,
    Upsert,
    Update,
    Delete,
    Call,
}

impl Question<'_> {
    /// What the case has under a key; `None` if it has nothing.
    pub(super) fn input<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let input = self.inputs.get(key).map(T::deserialize).transpose();
        input.with_context(|| format!("its `{key}`"))
    }

    /// What the case must have under a key.
    pub(super) fn needed<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        self.input(key)?.with_context(|| format!("it has no `{key}`"))
    }

    /// What the case has under `operation`.
    pub(super) fn operation(&self) -> Result<Operation> {
        let Written {
            action,
            repository,
            subject,
        } = self.needed("operation")?;
        Ok(Operation {
            action,
            repository: self.repository(&repository)?,
            subject: self.subject(subject.as_deref())?,
        })
    }

    /// The subject that a case writes in any spelling, if it writes one.
    pub(super) fn subject(&self, written: Option<&str>) -> Result<Option<Subject>> {
        let subject = written.map(|text| self.surroundings.rule().normalise(text));
        subject.transpose().context("the subject")
    }

    /// The number of a repository.
    pub(super) fn repository(&self, name: &str) -> Result<RepositoryId> {
        let repositories = self.surroundings.repositories();
        let found = repositories.iter().find(|repository| repository.name == name);
        found.map(|repository| repository.id).with_context(|| {
            format!("there is no repository `{name}`; write [repositories.{name}] as in turnout.toml, beside the cases")
        })
    }
}
