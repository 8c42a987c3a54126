use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;

use nix::unistd::geteuid;
use wasmtime::{Cache, CacheConfig};

use super::RuntimeError;

/// Opens the cache of compiled code in a directory that nobody else can write. Loading compiled code trusts it entirely, so
/// a directory that others can write is a way in.
pub(super) fn open(directory: &Path) -> Result<Cache, RuntimeError> {
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
    let mut config = CacheConfig::new();
    config.with_directory(path);
    Cache::new(config).map_err(|error| failed(io::Error::other(format!("{error:#}"))))
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
