use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use turnout_runtime::{
    Bounds, ConfigureError, Description, Document, DualWrite, DualWriteModule, DualWritePolicy, Failure, LoadError,
    Mistake, Module, Options, Policy, Routing, RoutingModule, RoutingPolicy, Runtime, World,
};
use turnout_vocabulary::Subject;

use super::surroundings::Surroundings;

/// A value for the one world that a module fits.
pub(super) enum Fitting<R, D> {
    /// It decides who is written and who is read.
    Routing(R),
    /// It decides how writes reach the other side.
    DualWrite(D),
}

/// A module of either world.
pub(super) type FittingModule = Fitting<RoutingModule, DualWriteModule>;

/// A configured policy of either world.
pub(super) type FittingPolicy = Fitting<RoutingPolicy, DualWritePolicy>;

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
        let loaded = match runtime.load(bytes) {
            Err(LoadError::WrongWorld { reason: routing, .. }) => match runtime.load(bytes) {
                Err(LoadError::WrongWorld { reason, .. }) => bail!(
                    "{}: this is no policy of any world; for `routing`: {routing}; for `dual-write`: {reason}",
                    file.display()
                ),
                loaded => loaded.map(Self::DualWrite),
            },
            loaded => loaded.map(Self::Routing),
        };
        loaded.with_context(|| file.display().to_string())
    }

    /// The name of its world.
    pub(super) fn world(&self) -> &'static str {
        match self {
            Self::Routing(_) => Routing::NAME,
            Self::DualWrite(_) => DualWrite::NAME,
        }
    }

    /// How many bytes its settings may have.
    pub(super) fn settings_bytes(&self) -> usize {
        match self {
            Self::Routing(module) => module.bounds().settings_bytes,
            Self::DualWrite(module) => module.bounds().settings_bytes,
        }
    }

    /// Waits until its code is as fast as it gets.
    pub(super) fn wait_until_optimised(&self) {
        match self {
            Self::Routing(module) => module.wait_until_optimised(),
            Self::DualWrite(module) => module.wait_until_optimised(),
        }
    }

    /// What it says about itself.
    pub(super) fn describe(&self) -> Result<Description, Failure> {
        match self {
            Self::Routing(module) => module.describe(),
            Self::DualWrite(module) => module.describe(),
        }
    }

    /// What it imports.
    pub(super) fn imports(&self) -> Vec<String> {
        match self {
            Self::Routing(module) => module.imports(),
            Self::DualWrite(module) => module.imports(),
        }
    }

    /// Gives it settings, as a host does. A mistake in them is named with its file and line.
    pub(super) fn configure(&self, settings: &Settings<'_>, surroundings: &Surroundings) -> Result<FittingPolicy> {
        Ok(match self {
            Self::Routing(module) => Fitting::Routing(configure(module, settings, surroundings)?),
            Self::DualWrite(module) => Fitting::DualWrite(configure(module, settings, surroundings)?),
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

fn configure<W: World>(module: &Module<W>, settings: &Settings<'_>, surroundings: &Surroundings) -> Result<Policy<W>> {
    let json = settings.json(&module.describe()?, surroundings)?;
    let Settings { file, document } = settings;
    Policy::configure(module, &json, &surroundings.repositories()).map_err(|error| match error {
        ConfigureError::Settings { pointer, reason } => refused(file, &document.mistake_at(&pointer, &reason)),
        failed => failed.into(),
    })
}
