use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::command::policy::file;
use crate::command::policy::fitting::{FittingModule, FittingPolicy, Settings};
use crate::command::policy::kit::{Question, ROOMS};
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
pub(super) struct Case {
    pub(super) name: String,
    /// Settings of its own, instead of those of the file.
    settings: Option<Where>,
    /// What the reason says for which the settings are to be refused.
    pub(super) refused: Option<String>,
    /// By the name of the function; what is not written may be anything.
    #[serde(default)]
    pub(super) decision: Map<String, Value>,
    /// What is asked, in the words of its world.
    #[serde(flatten)]
    inputs: Map<String, Value>,
}

impl Cases {
    pub(super) fn read(file: &Path) -> Result<Self> {
        let text = file::text(file)?;
        let mistake = |error: toml::de::Error| anyhow!("{}: {error}", file.display());
        let content: Content = toml::from_str(&text).map_err(mistake)?;
        let inputs: BTreeSet<_> = ROOMS.iter().flat_map(|room| room.inputs).copied().collect();
        for case in &content.cases {
            if let Some(key) = case.inputs.keys().find(|key| !inputs.contains(key.as_str())) {
                bail!(
                    "{}: the case `{}`: there is no key `{key}`; what is asked stands under {}",
                    file.display(),
                    case.name,
                    inputs.into_iter().collect::<Vec<_>>().join(", ")
                );
            }
        }
        Ok(Self {
            content,
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

    /// What a case asks.
    pub(super) fn question<'c>(&'c self, case: &'c Case) -> Question<'c> {
        Question {
            inputs: &case.inputs,
            surroundings: &self.surroundings,
        }
    }
}
