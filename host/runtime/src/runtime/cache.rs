use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hasher as _};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use wasmtime::{Cache, CacheConfig};

use super::RuntimeError;

/// Opens the cache of compiled code, and the notes of what it holds, in a directory that nobody else can write. The host trusts compiled
/// code entirely, so a directory that others can write would be a way in.
pub(super) fn open(directory: &Path) -> Result<(Cache, Kept), RuntimeError> {
    let failed = |source: io::Error| RuntimeError::Cache {
        path: directory.to_path_buf(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(failed)?;
    let path = directory.canonicalize().map_err(failed)?;
    let metadata = fs::metadata(&path).map_err(failed)?;
    if metadata.mode() & 0o022 != 0 || metadata.uid() != geteuid().as_raw() {
        return Err(RuntimeError::CacheNotPrivate { path });
    }
    let kept = Kept(path.join("kept"));
    fs::create_dir_all(&kept.0).map_err(failed)?;
    let mut config = CacheConfig::new();
    // wasmtime's cache removes unknown files from its directory, so it gets one of its own.
    config.with_directory(path.join("code"));
    let cache = Cache::new(config).map_err(|error| failed(io::Error::other(format!("{error:#}"))))?;
    Ok((cache, kept))
}

/// Notes of the components that the cache has code of. The cache itself can't be asked without compiling what it lacks. A note is a hint:
/// if it is wrong, a component is compiled later or earlier than is best.
pub(super) struct Kept(PathBuf);

impl Kept {
    /// The most notes that are kept.
    const PLACES: u64 = 1024;

    pub(super) fn has(&self, component: &[u8]) -> bool {
        let (place, noted) = self.note_of(component);
        fs::read(place).is_ok_and(|found| found == noted)
    }

    pub(super) fn note(&self, component: &[u8]) -> io::Result<()> {
        let (place, note) = self.note_of(component);
        fs::write(place, note)
    }

    /// The file of a component's note, which another component may share, and the content that says it is this component's.
    fn note_of(&self, component: &[u8]) -> (PathBuf, [u8; 8]) {
        let mut hasher = DefaultHasher::new();
        // Compiled code is of no use to another version of Turnout.
        hasher.write(env!("CARGO_PKG_VERSION").as_bytes());
        hasher.write(component);
        let hash = hasher.finish();
        (self.0.join((hash % Self::PLACES).to_string()), hash.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_directory_that_is_not_there_is_made_private() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("compiled");
        open(&directory).unwrap();
        assert_eq!(fs::metadata(&directory).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn what_was_noted_is_known_again_by_another_process() {
        let directory = tempfile::tempdir().unwrap();
        let (_, kept) = open(directory.path()).unwrap();
        assert!(!kept.has(b"one"));
        kept.note(b"one").unwrap();
        let (_, kept) = open(directory.path()).unwrap();
        assert!(kept.has(b"one") && !kept.has(b"another"));
    }

    #[test]
    fn a_directory_that_others_can_write_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        for mode in [0o770, 0o702, 0o777] {
            fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(
                matches!(open(directory.path()), Err(RuntimeError::CacheNotPrivate { .. })),
                "{mode:o}"
            );
        }
    }
}
