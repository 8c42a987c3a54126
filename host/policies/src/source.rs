mod regular;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use turnout_runtime::Bounds;

use crate::files::{File, Files, Origin};
use crate::{PerWorld, PolicyMetrics, Refused, Worlds};
use regular::Unread;

/// How many bytes of a settings file are read in any case, so that one a little too large is refused by the name of the
/// setting that bounds it.
const SETTINGS: usize = 1 << 20;

/// How many bytes a signature may have.
const SIGNATURE: usize = 64 << 10;

/// How often the files are read before they are said to change too fast.
const ATTEMPTS: usize = 10;

/// How many bytes the files of each world may have, and what counts those that have more.
pub(crate) struct FileBounds<'m> {
    pub(crate) bounds: PerWorld<Bounds>,
    pub(crate) metrics: &'m PolicyMetrics,
}

/// A directory that may hold `<world>.wasm` beside `<world>.toml` for every world. Of a world that it does not hold, it says
/// nothing; where it holds settings alone, they are for the module that decides already.
pub struct PolicySource {
    directory: PathBuf,
    worlds: Worlds,
    built_in: PerWorld<Files>,
    /// Held while several files are replaced, so that nobody reads a mixture.
    writing: Mutex<()>,
}

/// What a directory makes of policies that decided before.
pub struct Held {
    /// The policies: those of the directory, and where it holds none, those of before.
    pub files: PerWorld<Files>,
    given: PerWorld<Given>,
}

/// Which files of a world a directory holds.
#[derive(Clone, Copy)]
struct Given {
    module: bool,
    settings: bool,
}

impl Held {
    /// Whether the directory holds nothing but what a set is made of, given by the SHA-256 of its modules and settings.
    #[must_use]
    pub fn is_part_of(&self, set: &PerWorld<[String; 2]>) -> bool {
        let mut worlds = self.files.iter().zip(self.given.iter());
        worlds.all(|((world, files), (_, given))| {
            let Some([module, settings]) = set.get(world) else {
                return false;
            };
            (!given.module || files.module.digest == *module) && (!given.settings || files.settings.digest == *settings)
        })
    }
}

impl PolicySource {
    /// The policies in a directory.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>, worlds: Worlds) -> Self {
        Self {
            directory: directory.into(),
            built_in: worlds.built_in(),
            worlds,
            writing: Mutex::default(),
        }
    }

    /// The worlds whose policies it may hold.
    pub(crate) fn worlds(&self) -> &Worlds {
        &self.worlds
    }

    /// The policies that decide where nobody has given a file.
    #[must_use]
    pub fn built_in(&self) -> &PerWorld<Files> {
        &self.built_in
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
        self.built_in.try_map(|world, _| {
            let module = self.module(world);
            let signature = stamp(&signature(&module)).ok().flatten();
            Ok((stamp(&module)?, stamp(&self.settings(world))?, signature))
        })
    }

    /// Reads the files of all worlds as they stood together at one moment: a swap of some between two reads (Kubernetes
    /// turns one symlink) is noticed, and they are read again. What the directory does not hold stays as it was `before`.
    pub(crate) fn read(&self, bounds: &FileBounds<'_>, before: &PerWorld<Files>) -> Result<Held, Refused> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..ATTEMPTS {
            let stamp = self.stamp()?;
            let held = before.try_map(|world, before| self.files(world, bounds, before))?;
            if stamp == self.stamp()? {
                return Ok(Held {
                    files: held.map(|_, (files, _)| files.clone()),
                    given: held.map(|_, (_, given)| *given),
                });
            }
        }
        Err(Refused::whole(
            &self.directory,
            &"its files change faster than they can be read",
        ))
    }

    /// Puts files in the place of those that are there, each whole. What is built in stays out of a directory that does not
    /// hold it.
    ///
    /// # Errors
    /// If one can't be written.
    pub fn put(&self, files: &PerWorld<Files>) -> io::Result<()> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        std::fs::create_dir_all(&self.directory)?;
        for (world, files) in files.iter() {
            let built_in = self
                .built_in
                .get(world)
                .filter(|built_in| built_in.module == files.module);
            let has_default_settings = built_in.is_some_and(|built_in| built_in.settings == files.settings);
            for (path, file, is_default) in [
                (self.module(world), &files.module, built_in.is_some()),
                (self.settings(world), &files.settings, has_default_settings),
            ] {
                if is_default && is_absent(&path) {
                    continue;
                }
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

    fn files(&self, world: &'static str, bounds: &FileBounds<'_>, before: &Files) -> Result<(Files, Given), Refused> {
        let file = |path: PathBuf, most: usize| match regular::read(&path, most) {
            Ok(content) => Ok(File::new(path, content)),
            Err(unread) => {
                if let Unread::TooLarge { .. } = unread {
                    bounds.metrics.too_large(world).inc();
                }
                Err(Refused::whole(&path, &unread))
            }
        };
        let module = self.module(world);
        let given = Given {
            module: !is_absent(&module),
            settings: !is_absent(&self.settings(world)),
        };
        if !given.module && !given.settings {
            let trial = None;
            return Ok((
                Files {
                    trial,
                    ..before.clone()
                },
                given,
            ));
        }
        // Where no key is trusted there need be none.
        let signed = regular::read(&signature(&module), SIGNATURE).ok();
        let signed = signed.and_then(|text| String::from_utf8(text).ok());
        let bounds = bounds.bounds.get(world).copied().unwrap_or_default();
        let files = Files {
            module: if given.module {
                file(module, bounds.module_bytes)?.signed(signed)
            } else {
                before.module.clone()
            },
            settings: file(self.settings(world), bounds.settings_bytes.max(SETTINGS))?,
            trial: None,
            by: Origin {
                who: String::new(),
                from: "directory".into(),
            },
        };
        Ok((files, given))
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
pub(crate) type Stamps = (Option<Stamp>, Option<Stamp>, Option<Stamp>);

/// What tells one version of a file from another: the file that symlinks lead to, its time and its size.
pub(crate) type Stamp = (PathBuf, SystemTime, u64);

/// Whether there is nothing of that name. A link that leads nowhere is there.
fn is_absent(path: &Path) -> bool {
    path.symlink_metadata()
        .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// `None` if the file is not there.
fn stamp(path: &Path) -> Result<Option<Stamp>, Refused> {
    if is_absent(path) {
        return Ok(None);
    }
    let stamp = || {
        let target = path.canonicalize()?;
        let metadata = target.metadata()?;
        Ok(Some((target, metadata.modified()?, metadata.len())))
    };
    stamp().map_err(|error: io::Error| Refused::whole(path, &Unread::from(error)))
}
