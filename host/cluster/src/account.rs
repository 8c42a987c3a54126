use std::io;
use std::os::unix::fs::chown;
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

    /// Makes the server's account the owner of a file or folder of this process.
    pub(crate) fn own(&self, path: &Path) -> io::Result<()> {
        match &self.other {
            Some(user) => chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())),
            None => Ok(()),
        }
    }
}
