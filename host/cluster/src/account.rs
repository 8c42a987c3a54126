use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{Uid, User};

use crate::ClusterError;

/// The account that the server runs as: the process's own account, or `postgres` if that is root, as which PostgreSQL refuses to run.
pub(crate) struct Account {
    other: Option<User>,
}

impl Account {
    pub(crate) fn choose() -> Result<Self, ClusterError> {
        if !Uid::effective().is_root() {
            return Ok(Self { other: None });
        }
        match User::from_name("postgres") {
            Ok(Some(user)) => Ok(Self { other: Some(user) }),
            Ok(None) | Err(_) => Err(ClusterError::NoAccount),
        }
    }

    /// Makes a command run as the server's account.
    pub(crate) fn runs(&self, command: &mut Command) {
        if let Some(user) = &self.other {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
    }

    /// Whether the server's account can come to a folder: one above it may be closed to others, as root's home is.
    pub(crate) fn reaches(&self, folder: &Path) -> bool {
        let is_open = |folder: &Path| fs::metadata(folder).is_ok_and(|it| it.mode() & 0o001 != 0);
        self.other.is_none() || folder.ancestors().filter(|it| !it.as_os_str().is_empty()).all(is_open)
    }

    /// Makes the server's account the owner of a file or folder of this process.
    pub(crate) fn own(&self, path: &Path) -> io::Result<()> {
        match &self.other {
            Some(user) => chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())),
            None => Ok(()),
        }
    }
}
