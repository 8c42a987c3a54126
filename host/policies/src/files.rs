use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use turnout_runtime::Mistake;

use crate::{Refused, Scope};

/// What a policy is made of, wherever it was kept. Two are equal if the policies are, whoever shipped them.
#[derive(Clone)]
pub struct Files {
    /// The module: a core module or a component.
    pub module: File,
    /// Its settings: TOML.
    pub settings: File,
    /// A version on trial beside it.
    pub trial: Option<Box<OnTrial>>,
    /// Who brought the last change of it.
    pub by: Origin,
}

impl Files {
    /// Has a version decide: for everybody, which ends a trial, or on trial for some.
    pub fn decide(&mut self, module: File, settings: File, scope: Option<Scope>) {
        match scope {
            None => (self.module, self.settings, self.trial) = (module, settings, None),
            Some(scope) => {
                self.trial = Some(Box::new(OnTrial {
                    module,
                    settings,
                    scope,
                }));
            }
        }
    }

    /// The module and the settings of the stable version.
    #[must_use]
    pub fn stable(&self) -> (&File, &File) {
        (&self.module, &self.settings)
    }

    /// The module of the stable version, and that of the one on trial.
    pub fn modules(&self) -> impl Iterator<Item = &File> {
        let trial = self.trial.as_ref().map(|trial| &trial.module);
        std::iter::once(&self.module).chain(trial)
    }
}

impl PartialEq for Files {
    fn eq(&self, other: &Self) -> bool {
        self.stable() == other.stable() && self.trial == other.trial
    }
}

/// A version on trial.
#[derive(Clone, PartialEq)]
pub struct OnTrial {
    /// The module.
    pub module: File,
    /// Its settings.
    pub settings: File,
    /// For whom it decides.
    pub scope: Scope,
}

/// Who shipped something, and on which way. The record of epochs and the answers of `/v1/policies` hold it in the same shape.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Who, in their own words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub who: String,
    /// From where: the directory of a host, or its API.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
}

impl Origin {
    /// Where a policy comes from that nobody has given a file for: it is built into the program.
    pub const BUILT_IN: &str = "built in";
}

/// One of the two, with what tells its versions apart.
#[derive(Clone)]
pub struct File {
    /// What a refusal calls it.
    pub path: PathBuf,
    /// What it holds.
    pub content: Vec<u8>,
    /// The SHA-256 of that, in hexadecimal.
    pub digest: String,
    /// The signature of a module, as minisign writes it.
    pub signature: Option<String>,
}

impl PartialEq for File {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl File {
    /// A file with its digest.
    pub fn new(path: impl Into<PathBuf>, content: Vec<u8>) -> Self {
        Self {
            path: path.into(),
            digest: hex::encode(Sha256::digest(&content)),
            content,
            signature: None,
        }
    }

    /// The same file with a signature.
    #[must_use]
    pub fn signed(self, signature: Option<String>) -> Self {
        Self { signature, ..self }
    }

    /// The content as text.
    pub(crate) fn text(&self) -> Result<&str, Refused> {
        str::from_utf8(&self.content).map_err(|_| self.refused(&"this is not UTF-8 text"))
    }

    /// The file is refused as a whole.
    pub(crate) fn refused(&self, reason: &dyn fmt::Display) -> Refused {
        Refused::whole(&self.path, reason)
    }

    /// The file is refused for one mistake in it.
    pub(crate) fn refused_for(&self, mistake: Mistake) -> Refused {
        Refused {
            file: self.path.clone(),
            line: Some(mistake.line),
            reason: mistake.reason,
        }
    }
}
