mod backup;
mod start;

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;

use crate::ClusterError;
use crate::account::Account;
use crate::folder::Folder;
use crate::server::Server;
pub use backup::Backup;

/// The settings of a new cluster.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether commits reach the disk before they are acknowledged. Without it everything is faster, and a crash of the machine can lose a
    /// commit; a crash of the server alone loses none.
    pub durable: bool,
    /// The port that the server listens on. `None` takes a free port.
    pub port: Option<u16>,
    /// The folder of `initdb` and `postgres`, of any version. `None` takes the newest installed programs.
    pub binaries: Option<PathBuf>,
}

/// One PostgreSQL server with its own data, on the loopback interface.
///
/// Dropping the cluster stops the server and removes its folder, and blocks for some ten milliseconds. If the process is killed, the server
/// is stopped and the folder removed all the same.
pub struct Cluster {
    options: Options,
    binaries: PathBuf,
    account: Account,
    password: String,
    port: u16,
    url: String,
    server: Option<Server>,
    folder: Folder,
}

impl Cluster {
    /// The URL for clients, with a superuser's name and password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder that holds everything of the cluster.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the server's programs.
    #[must_use]
    pub fn programs(&self) -> &Path {
        &self.binaries
    }

    /// The id of the server's process, if it runs. Tests freeze the process.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        self.server.as_ref().map(Server::id)
    }

    /// Stops the server cleanly: it ends sessions and rolls back their open transactions. The data stays.
    ///
    /// # Errors
    /// [`ClusterError::NotEnding`] if the server does not end.
    pub async fn stop(&mut self) -> Result<(), ClusterError> {
        self.end(Signal::SIGINT).await
    }

    /// Ends the server as a crash would: the next start recovers. The data stays.
    ///
    /// # Errors
    /// [`ClusterError::NotEnding`] if the server does not end.
    pub async fn kill(&mut self) -> Result<(), ClusterError> {
        self.end(Signal::SIGQUIT).await
    }

    /// Starts the server again on the same port and data. A server that still runs is stopped first.
    ///
    /// # Errors
    /// [`ClusterError`] says what failed.
    pub async fn restart(&mut self) -> Result<(), ClusterError> {
        self.stop().await?;
        self.launch().await
    }

    async fn end(&mut self, signal: Signal) -> Result<(), ClusterError> {
        if let Some(server) = &mut self.server {
            server.end(signal, &self.folder.log()).await?;
        }
        self.discard();
        Ok(())
    }

    /// Ends the server, if it still runs, and tells the folder's janitor so.
    fn discard(&mut self) {
        self.server = None;
        self.folder.inhabited_by(None);
    }

    async fn launch(&mut self) -> Result<(), ClusterError> {
        let log = self.folder.log();
        let mut command = self.command("postgres");
        command.arg("-p").arg(self.port.to_string());
        for setting in self.settings() {
            command.arg("-c").arg(setting);
        }
        let server = Server::spawn(&mut command, self.port, &log).map_err(ClusterError::system("start postgres"))?;
        self.folder.inhabited_by(Some(server.id()));
        let ready = self.server.insert(server).ready(&self.url, &log).await;
        if ready.is_err() {
            self.discard();
        }
        ready
    }

    fn settings(&self) -> impl Iterator<Item = &'static str> {
        let fixed = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=100",
            "max_prepared_transactions=20",
            "shared_buffers=32MB",
            "timezone=UTC",
        ];
        // `synchronous_commit` stays on. Without it a crash of the server alone would lose commits.
        let hasty: &[_] = &["fsync=off", "full_page_writes=off"];
        fixed
            .into_iter()
            .chain(hasty.iter().copied().filter(|_| !self.options.durable))
    }

    /// A command that runs one of PostgreSQL's programs on this cluster's data.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        command
            .arg("-D")
            .arg(self.folder.data())
            .current_dir(self.folder.path());
        self.account.runs(&mut command);
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.discard();
    }
}
