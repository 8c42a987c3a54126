use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::Refused;
use super::settings::Mistake;

/// A directory that holds `<world>.wasm` beside `<world>.toml`.
#[derive(Clone, Debug)]
pub struct PolicySource {
    directory: PathBuf,
}

/// One world's files, read as a pair.
pub(super) struct Files {
    module_path: PathBuf,
    settings_path: PathBuf,
    pub(super) module: Vec<u8>,
    pub(super) module_digest: String,
    pub(super) settings: String,
    pub(super) settings_digest: String,
}

impl PolicySource {
    /// The policies in a directory.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// The directory itself.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What tells one state of a world's files from another, without reading them.
    pub(super) fn stamp(&self, world: &str) -> Result<(Stamp, Stamp), Refused> {
        let (module, settings) = self.paths(world);
        Ok((stamp(&module)?, stamp(&settings)?))
    }

    fn paths(&self, world: &str) -> (PathBuf, PathBuf) {
        (
            self.directory.join(format!("{world}.wasm")),
            self.directory.join(format!("{world}.toml")),
        )
    }

    /// Reads the module and the settings of a world as they stood together at one moment: a swap of both between
    /// the two reads (Kubernetes turns one symlink) is noticed, and they are read again.
    pub(super) fn read(&self, world: &str) -> Result<Files, Refused> {
        const ATTEMPTS: usize = 10;
        let (module_path, settings_path) = self.paths(world);
        for _ in 0..ATTEMPTS {
            let before = self.stamp(world)?;
            let module = std::fs::read(&module_path).map_err(|error| unreadable(&module_path, &error))?;
            let settings = std::fs::read(&settings_path).map_err(|error| unreadable(&settings_path, &error))?;
            if before != self.stamp(world)? {
                continue;
            }
            let settings_digest = digest(&settings);
            let Ok(settings) = String::from_utf8(settings) else {
                return Err(Refused {
                    file: settings_path,
                    line: None,
                    reason: "this is not UTF-8 text".into(),
                });
            };
            let module_digest = digest(&module);
            return Ok(Files {
                module_path,
                settings_path,
                module,
                module_digest,
                settings,
                settings_digest,
            });
        }
        Err(Refused {
            file: module_path,
            line: None,
            reason: "this changes faster than it can be read".into(),
        })
    }
}

impl Files {
    pub(super) fn module_refused(&self, reason: &dyn fmt::Display) -> Refused {
        Refused {
            file: self.module_path.clone(),
            line: None,
            reason: reason.to_string(),
        }
    }

    pub(super) fn settings_refused(&self, mistake: Mistake) -> Refused {
        Refused {
            file: self.settings_path.clone(),
            line: Some(mistake.line),
            reason: mistake.reason,
        }
    }
}

/// What tells one version of a file from another: the file that symlinks lead to, its time and its size.
type Stamp = (PathBuf, SystemTime, u64);

fn stamp(path: &Path) -> Result<Stamp, Refused> {
    let stamp = || {
        let target = path.canonicalize()?;
        let metadata = target.metadata()?;
        Ok((target, metadata.modified()?, metadata.len()))
    };
    stamp().map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Refused {
    Refused {
        file: path.to_owned(),
        line: None,
        reason: format!("this cannot be read: {error}"),
    }
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
