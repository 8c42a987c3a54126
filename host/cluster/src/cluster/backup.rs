use std::fs;
use std::io;
use std::path::PathBuf;

use super::Cluster;
use crate::ClusterError;

/// A base backup that `pg_basebackup` took from the running server. It is kept in the cluster's folder.
#[derive(Debug)]
pub struct Backup(PathBuf);

impl Cluster {
    /// Takes a base backup while the server runs. The new backup replaces an earlier one.
    ///
    /// # Errors
    /// [`ClusterError`] says what failed.
    pub async fn back_up(&self) -> Result<Backup, ClusterError> {
        let folder = self.folder.path().join("backup");
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(ClusterError::system("remove the earlier backup")(error));
            }
            _ => {}
        }
        let mut command = std::process::Command::new(self.binaries.join("pg_basebackup"));
        command
            .arg("--pgdata")
            .arg(&folder)
            .args(["--checkpoint", "fast", "--wal-method", "fetch", "--dbname", &self.url])
            .current_dir(self.folder.path());
        self.account.runs(&mut command);
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        let output = output
            .unwrap_or_else(|error| Err(error.into()))
            .map_err(ClusterError::system("start pg_basebackup"))?;
        if !output.status.success() {
            return Err(ClusterError::Backup {
                output: String::from_utf8_lossy(&output.stderr).into_owned(),
            });
        }
        Ok(Backup(folder))
    }

    /// Ends the server as a crash would, replaces its data by a backup, and starts it. All changes after the backup are lost.
    ///
    /// # Errors
    /// [`ClusterError`] says what failed.
    pub async fn restore(&mut self, Backup(folder): Backup) -> Result<(), ClusterError> {
        self.kill().await?;
        let data = self.folder.data();
        fs::remove_dir_all(&data).map_err(ClusterError::system("remove the data of the cluster"))?;
        fs::rename(folder, data).map_err(ClusterError::system("put the backup in place"))?;
        self.launch().await
    }
}
