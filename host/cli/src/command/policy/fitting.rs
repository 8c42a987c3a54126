use std::collections::HashSet;
use std::ops::Deref;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use turnout_runtime::{Bounds, ConfigureError, Description, Document, LoadError, Mistake, Options, Runtime};
use turnout_vocabulary::Subject;

use super::kit::{KitModule, KitPolicy, ROOMS};
use super::surroundings::Surroundings;

/// A module of whichever world it fits.
pub(super) struct FittingModule(Box<dyn KitModule>);

/// A configured policy of whichever world it fits.
pub(super) type FittingPolicy = Box<dyn KitPolicy>;

impl Deref for FittingModule {
    type Target = dyn KitModule;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl FittingModule {
    /// Loads what a file holds, however large it is and whether it imports WASI or not. The host that the module is shipped to
    /// has its own bounds and applies them.
    pub(super) fn load(file: &Path, bytes: &[u8]) -> Result<Self> {
        Self::load_within(
            file,
            bytes,
            &Options {
                wasi: true,
                bounds: Bounds {
                    module_bytes: usize::MAX,
                    memory_bytes: u32::MAX as usize,
                    table_entries: 1 << 20,
                    ..Bounds::default()
                },
                ..Options::default()
            },
        )
    }

    /// Loads what a file holds as a host does that allows this much.
    pub(super) fn load_within(file: &Path, bytes: &[u8], limits: &Options) -> Result<Self> {
        let runtime = Runtime::new(limits)?;
        let mut misfits = Vec::new();
        for room in &ROOMS {
            match (room.load)(&runtime, bytes) {
                Ok(module) => return Ok(Self(module)),
                Err(LoadError::WrongWorld { reason, .. }) => misfits.push(format!("for `{}`: {reason}", room.world)),
                Err(error) => return Err(error).with_context(|| file.display().to_string()),
            }
        }
        bail!(
            "{}: this is no policy of any world; {}",
            file.display(),
            misfits.join("; ")
        )
    }

    /// Gives it settings, as a host does. A mistake in them is named with its file and line.
    pub(super) fn configure(&self, settings: &Settings<'_>, surroundings: &Surroundings) -> Result<FittingPolicy> {
        let json = settings.json(&self.describe()?, surroundings)?;
        let Settings { file, document } = settings;
        let configured = self.0.configure(&json, &surroundings.repositories());
        configured.map_err(|error| match error {
            ConfigureError::Settings { pointer, reason } => refused(file, &document.mistake_at(&pointer, &reason)),
            failed => failed.into(),
        })
    }

    /// The subjects that settings list.
    pub(super) fn listed(&self, settings: &Settings<'_>, surroundings: &Surroundings) -> Result<HashSet<Subject>> {
        let mut listed = HashSet::new();
        let mut values = vec![serde_json::from_str(&settings.json(&self.describe()?, surroundings)?)?];
        while let Some(value) = values.pop() {
            match value {
                // Every subject has been normalised, so it is what normalising it gives.
                Value::String(text) => listed
                    .extend((surroundings.rule().normalise(&text).ok()).filter(|subject| subject.as_str() == text)),
                Value::Array(items) => values.extend(items),
                Value::Object(members) => values.extend(members.into_iter().map(|(_, value)| value)),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        Ok(listed)
    }
}

/// Settings, with the file that they were read from.
pub(super) struct Settings<'t> {
    file: &'t Path,
    document: Document<'t>,
}

impl<'t> Settings<'t> {
    /// A whole file, for a module that bounds its size.
    pub(super) fn new(file: &'t Path, text: &'t str, module: &FittingModule) -> Result<Self> {
        let document = Document::parse(text, module.settings_bytes()).map_err(|mistake| refused(file, &mistake))?;
        Ok(Self { file, document })
    }

    /// One table of a file; none if it is not there.
    pub(super) fn table(self, key: &str) -> Option<Self> {
        let Self { file, document } = self;
        let document = document.table(key)?;
        Some(Self { file, document })
    }

    /// One element of an array of a file; none if it is not there.
    pub(super) fn element(self, key: &str, index: usize) -> Option<Self> {
        let Self { file, document } = self;
        let document = document.element(key, index)?;
        Some(Self { file, document })
    }

    /// What a policy is handed.
    fn json(&self, policy: &Description, surroundings: &Surroundings) -> Result<String> {
        let json = self.document.to_json(&policy.settings_schema, surroundings.rule());
        json.map_err(|mistake| refused(self.file, &mistake))
    }
}

fn refused(file: &Path, Mistake { line, reason }: &Mistake) -> anyhow::Error {
    anyhow!("{}:{line}: {reason}", file.display())
}
