use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use turnout_vocabulary::{Action, Backend, MirrorState, RepositoryId, Subject};

use crate::command::policy::file;
use crate::command::policy::fitting::{FittingModule, FittingPolicy, Settings};
use crate::command::policy::surroundings::Surroundings;

/// A file of cases, with the settings and the surroundings that all of them share.
pub(super) struct Cases {
    file: PathBuf,
    text: String,
    content: Content,
    surroundings: Surroundings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    settings: Option<Where>,
    #[serde(default, rename = "case")]
    cases: Vec<Case>,
    // Read as surroundings.
    #[serde(rename = "subjects")]
    _subjects: Option<IgnoredAny>,
    #[serde(rename = "repositories")]
    _repositories: Option<IgnoredAny>,
}

/// Where the settings are: in a file beside, or in a table of this one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Where {
    File(PathBuf),
    Here(IgnoredAny),
}

/// What goes in, and what should come out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    /// Settings of its own, instead of those of the file.
    settings: Option<Where>,
    /// What the reason says for which the settings are to be refused.
    pub(super) refused: Option<String>,
    pub(super) operation: Option<Operation>,
    #[serde(default)]
    pub(super) conditions: Conditions,
    pub(super) authority: Option<Backend>,
    pub(super) failure: Option<Failure>,
    pub(super) outcome: Option<Outcome>,
    /// By the name of the function; what is not written may be anything.
    #[serde(default)]
    pub(super) decision: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Operation {
    #[serde(with = "ActionWord")]
    pub(super) action: Action,
    pub(super) repository: String,
    pub(super) subject: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Conditions {
    pub(super) old: Health,
    pub(super) new: Health,
    pub(super) mirror_lag_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Health {
    pub(super) up: bool,
    pub(super) p95_us: u64,
}

impl Default for Health {
    fn default() -> Self {
        Self { up: true, p95_us: 0 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Failure {
    pub(super) repository: String,
    pub(super) source: Backend,
    pub(super) sqlstate: String,
    pub(super) attempt: u32,
    #[serde(default)]
    pub(super) age_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outcome {
    #[serde(with = "ActionWord")]
    pub(super) action: Action,
    pub(super) repository: String,
    pub(super) authority: Backend,
    pub(super) took_us: u64,
    #[serde(with = "MirrorWord")]
    pub(super) mirror: MirrorState,
    pub(super) mirror_took_us: Option<u64>,
}

#[derive(Deserialize)]
#[serde(remote = "Action", rename_all = "lowercase")]
enum ActionWord {
    Find,
    Insert,
    Upsert,
    Update,
    Delete,
}

#[derive(Deserialize)]
#[serde(remote = "MirrorState", rename_all = "lowercase")]
enum MirrorWord {
    Done,
    Pending,
    Parked,
    Off,
}

impl Cases {
    pub(super) fn read(file: &Path) -> Result<Self> {
        let text = file::text(file)?;
        let mistake = |error: toml::de::Error| anyhow!("{}: {error}", file.display());
        Ok(Self {
            content: toml::from_str(&text).map_err(mistake)?,
            surroundings: toml::from_str(&text).map_err(mistake)?,
            file: file.to_owned(),
            text,
        })
    }

    /// Whether any case is decided with the settings of the file.
    pub(super) fn share_settings(&self) -> bool {
        self.content.cases.iter().any(|case| case.settings.is_none())
    }

    /// The policy with the settings that all cases share.
    pub(super) fn configure(&self, module: &FittingModule) -> Result<FittingPolicy> {
        self.configured(module, self.content.settings.as_ref(), Settings::table)
    }

    /// The policy with the settings of one case; none if it has none of its own.
    pub(super) fn configure_for(&self, index: usize, module: &FittingModule) -> Option<Result<FittingPolicy>> {
        let settings = self.content.cases.get(index)?.settings.as_ref()?;
        Some(self.configured(module, Some(settings), |document, key| {
            document.element("case", index)?.table(key)
        }))
    }

    /// The policy with settings from a file, or from a table of this one that `find` finds.
    fn configured<'t>(
        &'t self,
        module: &FittingModule,
        settings: Option<&Where>,
        find: impl FnOnce(Settings<'t>, &str) -> Option<Settings<'t>>,
    ) -> Result<FittingPolicy> {
        match settings {
            Some(Where::File(name)) => {
                let file = self.file.with_file_name(name);
                let text = file::text(&file)?;
                module.configure(&Settings::new(&file, &text, module)?, &self.surroundings)
            }
            Some(Where::Here(_)) => {
                let settings = find(Settings::new(&self.file, &self.text, module)?, "settings");
                module.configure(&settings.context("`settings` is no table")?, &self.surroundings)
            }
            None => module.configure(&Settings::new(&self.file, "", module)?, &self.surroundings),
        }
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Case> {
        self.content.cases.iter()
    }

    /// The number of a repository.
    pub(super) fn repository(&self, name: &str) -> Result<RepositoryId> {
        let repositories = self.surroundings.repositories();
        let found = repositories.iter().find(|repository| repository.name == name);
        found.map(|repository| repository.id).with_context(|| {
            format!("there is no repository `{name}`; write [repositories.{name}] as in turnout.toml, beside the cases")
        })
    }

    /// A subject in any spelling.
    pub(super) fn subject(&self, text: Option<&str>) -> Result<Option<Subject>> {
        let subject = text.map(|text| self.surroundings.rule().normalise(text));
        subject.transpose().context("the subject")
    }
}
