//! The folder of a cluster, which is removed in any case.
//!
//! A destructor does not run in a process that is killed. So each folder has a janitor: a small shell process whose standard input is a
//! pipe that only the owner holds. The pipe closes when the [`Folder`] is dropped or its owner dies in whatever way. Then the janitor stops
//! the server and removes the folder.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::ClusterError;
use crate::account::Account;

/// Each line of the janitor's input is the id of the process that now uses the folder; an empty line means that none does. The janitor
/// tries the removal again, because a process that is ending may still write.
const JANITOR: &str = r#"
trap '' HUP INT TERM
while read -r line; do process=$line; done
[ -z "$process" ] || kill -QUIT "$process"
tries=0
until rm -rf -- "$1" || [ $tries -ge 200 ]; do tries=$((tries + 1)); sleep 0.05; done
"#;

/// A temporary folder, owned by the account that the server runs as. Dropping it removes it.
pub(crate) struct Folder {
    path: PathBuf,
    janitor: Child,
    pipe: Option<ChildStdin>,
}

impl Folder {
    pub(crate) fn create(account: &Account) -> Result<Self, ClusterError> {
        let folder = tempfile::Builder::new()
            .prefix("turnout-cluster-")
            // No other account may read the log and the password.
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .map_err(ClusterError::system("make a temporary folder"))?;
        account
            .own(folder.path())
            .map_err(ClusterError::system("hand the folder to the server's account"))?;
        let mut janitor = Command::new("/bin/sh")
            .args(["-c", JANITOR, "janitor"])
            .arg(folder.path())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A process group of its own, so that a Ctrl-C for the owner does not reach the janitor.
            .process_group(0)
            .spawn()
            .map_err(ClusterError::system("start the janitor of the folder"))?;
        let pipe = janitor.stdin.take();
        Ok(Self {
            path: folder.keep(),
            janitor,
            pipe,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Copies the programs in `binaries` into this folder, with the libraries beside that folder. Returns the folder of the copies.
    pub(crate) fn copy_of(&self, binaries: &Path) -> Result<PathBuf, ClusterError> {
        let copy = self.path.join("programs");
        let copied = Command::new("cp")
            .arg("-R")
            .arg(binaries.join(".."))
            .arg(&copy)
            .output();
        let copied = copied.and_then(|output| {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            output.status.success().then_some(()).ok_or(io::Error::other(said))
        });
        copied.map_err(ClusterError::system(
            "copy the programs to where the server's account can run them",
        ))?;
        Ok(copy.join(binaries.file_name().unwrap_or_default()))
    }

    /// Where `initdb` puts the cluster.
    pub(crate) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// Where the server writes its log.
    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Tells the janitor which process now uses the folder.
    pub(crate) fn inhabited_by(&mut self, process: Option<u32>) {
        let line = process.map_or_else(String::new, |id| id.to_string());
        if let Some(pipe) = &mut self.pipe {
            // This fails only if somebody killed the janitor. Then only destructors remove the folder.
            let _: io::Result<()> = pipe.write_all(format!("{line}\n").as_bytes());
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.pipe = None;
        let _: io::Result<_> = self.janitor.wait();
        // The folder still exists only if somebody killed the janitor.
        let _: io::Result<()> = fs::remove_dir_all(&self.path);
    }
}
