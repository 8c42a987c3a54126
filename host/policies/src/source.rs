mod regular;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use prometheus_client::metrics::counter::Counter;

use crate::files::{File, Files, Origin};
use crate::{PerWorld, Refused};
use regular::Unread;

/// How many bytes of a settings file are read in any case, so that one a little too large is refused by the name of the
/// setting that bounds it.
const SETTINGS: usize = 1 << 20;

/// How many bytes a signature may have.
const SIGNATURE: usize = 64 << 10;

/// How often the files are read before they are said to change too fast.
const ATTEMPTS: usize = 10;

/// How many bytes the files of each world may have, and what counts those that have more.
pub(crate) struct FileBounds {
    pub(crate) module: PerWorld<usize>,
    pub(crate) settings: PerWorld<usize>,
    pub(crate) too_large: PerWorld<Counter>,
}

/// A directory that holds `<world>.wasm` beside `<world>.toml` for every world.
#[derive(Debug)]
pub struct PolicySource {
    directory: PathBuf,
    /// Held while several files are replaced, so that nobody reads a mixture.
    writing: Mutex<()>,
}

impl PolicySource {
    /// The policies in a directory.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            writing: Mutex::default(),
        }
    }

    /// The directory itself.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What tells one state of the files from another, without reading them.
    ///
    /// # Errors
    /// [`Refused`] if one can't be looked at.
    pub fn stamp(&self) -> Result<PerWorld<Stamps>, Refused> {
        PerWorld::try_from_fn(|world| {
            let module = self.module(world);
            let signature = stamp(&signature(&module)).ok();
            Ok((stamp(&module)?, stamp(&self.settings(world))?, signature))
        })
    }

    /// Reads the files of all worlds as they stood together at one moment: a swap of some between two reads (Kubernetes
    /// turns one symlink) is noticed, and they are read again.
    pub(crate) fn read(&self, bounds: &FileBounds) -> Result<PerWorld<Files>, Refused> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..ATTEMPTS {
            let before = self.stamp()?;
            let files = PerWorld::try_from_fn(|world| self.files(world, bounds))?;
            if before == self.stamp()? {
                return Ok(files);
            }
        }
        Err(Refused::whole(
            &self.directory,
            &"its files change faster than they can be read",
        ))
    }

    /// Puts files in the place of those that are there, each whole.
    ///
    /// # Errors
    /// If one can't be written.
    pub fn put(&self, files: &PerWorld<Files>) -> io::Result<()> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        for (world, files) in files.iter() {
            for (path, file) in [
                (self.module(world), &files.module),
                (self.settings(world), &files.settings),
            ] {
                if regular::read(&path, file.content.len()).is_ok_and(|there| there == file.content) {
                    continue;
                }
                // Not a name that is read, and in the same folder, so that the rename is one step.
                let draft = path.with_extension("draft");
                std::fs::write(&draft, &file.content)?;
                std::fs::rename(draft, path)?;
            }
            let path = signature(&self.module(world));
            match &files.module.signature {
                Some(text) => std::fs::write(path, text)?,
                None if path.exists() => std::fs::remove_file(path)?,
                None => {}
            }
        }
        Ok(())
    }

    fn files(&self, world: &str, bounds: &FileBounds) -> Result<Files, Refused> {
        let file = |path: PathBuf, most: usize| match regular::read(&path, most) {
            Ok(content) => Ok(File::new(path, content)),
            Err(unread) => {
                if let (Unread::TooLarge { .. }, Some(counter)) = (&unread, bounds.too_large.get(world)) {
                    counter.inc();
                }
                Err(Refused::whole(&path, &unread))
            }
        };
        let module = self.module(world);
        // Where no key is trusted there need be none.
        let signed = regular::read(&signature(&module), SIGNATURE).ok();
        let signed = signed.and_then(|text| String::from_utf8(text).ok());
        let most = bounds.module.get(world).copied().unwrap_or_default();
        let most_settings = bounds.settings.get(world).copied().unwrap_or_default().max(SETTINGS);
        Ok(Files {
            module: file(module, most)?.signed(signed),
            settings: file(self.settings(world), most_settings)?,
            trial: None,
            by: Origin {
                who: String::new(),
                from: "directory".into(),
            },
        })
    }

    fn module(&self, world: &str) -> PathBuf {
        self.directory.join(format!("{world}.wasm"))
    }

    fn settings(&self, world: &str) -> PathBuf {
        self.directory.join(format!("{world}.toml"))
    }
}

/// Where the signature of a module is.
fn signature(module: &Path) -> PathBuf {
    let mut path = module.as_os_str().to_owned();
    path.push(".minisig");
    path.into()
}

/// Those of a module, of its settings and of its signature.
pub(crate) type Stamps = (Stamp, Stamp, Option<Stamp>);

/// What tells one version of a file from another: the file that symlinks lead to, its time and its size.
pub(crate) type Stamp = (PathBuf, SystemTime, u64);

fn stamp(path: &Path) -> Result<Stamp, Refused> {
    let stamp = || {
        let target = path.canonicalize()?;
        let metadata = target.metadata()?;
        Ok((target, metadata.modified()?, metadata.len()))
    };
    stamp().map_err(|error: io::Error| Refused::whole(path, &Unread::from(error)))
}
