use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::files::{File, Files};
use super::{PerWorld, Refused};

/// How often the files are read before they are said to change too fast.
const ATTEMPTS: usize = 10;

/// A directory that holds `<world>.wasm` beside `<world>.toml` for every world.
#[derive(Clone, Debug)]
pub struct PolicySource {
    directory: PathBuf,
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

    /// What tells one state of the files from another, without reading them.
    pub(crate) fn stamp(&self) -> Result<PerWorld<(Stamp, Stamp)>, Refused> {
        PerWorld::try_from_fn(|world| Ok((stamp(&self.module(world))?, stamp(&self.settings(world))?)))
    }

    /// Reads the files of all worlds as they stood together at one moment: a swap of some between two reads (Kubernetes
    /// turns one symlink) is noticed, and they are read again.
    pub(crate) fn read(&self) -> Result<PerWorld<Files>, Refused> {
        for _ in 0..ATTEMPTS {
            let before = self.stamp()?;
            let files = PerWorld::try_from_fn(|world| self.files(world))?;
            if before == self.stamp()? {
                return Ok(files);
            }
        }
        Err(Refused::whole(
            &self.directory,
            &"its files change faster than they can be read",
        ))
    }

    fn files(&self, world: &str) -> Result<Files, Refused> {
        let file = |path: PathBuf| {
            let content = std::fs::read(&path).map_err(|error| unreadable(&path, &error))?;
            Ok(File::new(path, content))
        };
        Ok(Files {
            module: file(self.module(world))?,
            settings: file(self.settings(world))?,
        })
    }

    fn module(&self, world: &str) -> PathBuf {
        self.directory.join(format!("{world}.wasm"))
    }

    fn settings(&self, world: &str) -> PathBuf {
        self.directory.join(format!("{world}.toml"))
    }
}

/// What tells one version of a file from another: the file that symlinks lead to, its time and its size.
pub(crate) type Stamp = (PathBuf, SystemTime, u64);

fn stamp(path: &Path) -> Result<Stamp, Refused> {
    let stamp = || {
        let target = path.canonicalize()?;
        let metadata = target.metadata()?;
        Ok((target, metadata.modified()?, metadata.len()))
    };
    stamp().map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Refused {
    Refused::whole(path, &format_args!("this cannot be read: {error}"))
}
