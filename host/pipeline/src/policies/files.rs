use std::fmt;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::Refused;
use super::settings::Mistake;

/// What a policy is made of: a module and its settings, wherever they were kept.
#[derive(Clone)]
pub struct Files {
    /// The module: a core module or a component.
    pub module: File,
    /// Its settings: TOML.
    pub settings: File,
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
}

impl File {
    /// A file with its digest.
    pub fn new(path: impl Into<PathBuf>, content: Vec<u8>) -> Self {
        Self {
            path: path.into(),
            digest: hex::encode(Sha256::digest(&content)),
            content,
        }
    }

    /// The content as text.
    pub(super) fn text(&self) -> Result<&str, Refused> {
        str::from_utf8(&self.content).map_err(|_| self.refused(&"this is not UTF-8 text"))
    }

    /// The file is refused as a whole.
    pub(super) fn refused(&self, reason: &dyn fmt::Display) -> Refused {
        Refused::whole(&self.path, reason)
    }

    /// The file is refused for one mistake in it.
    pub(super) fn refused_for(&self, mistake: Mistake) -> Refused {
        Refused {
            file: self.path.clone(),
            line: Some(mistake.line),
            reason: mistake.reason,
        }
    }
}
