use std::io;
use std::path::PathBuf;

/// Why something could not be done to a cluster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// PostgreSQL's server programs are not installed.
    #[error(
        "PostgreSQL's server programs (initdb, postgres) were not found in /usr/lib/postgresql, through pg_config or on \
         PATH; install them: `apt-get install postgresql` on Debian and Ubuntu, `dnf install postgresql-server` on Fedora"
    )]
    Missing,

    /// The folder that [`Options::binaries`](crate::Options::binaries) names does not hold the programs.
    #[error("{folder} does not hold PostgreSQL's server programs initdb and postgres; name the folder that does")]
    NotThere {
        /// The folder.
        folder: PathBuf,
    },

    /// The process is root's, and there is no `postgres` account to run the server as.
    #[error(
        "PostgreSQL does not run as root and there is no account `postgres` to run it as; install the system's \
         postgresql package, which makes one, or use another account than root"
    )]
    NoAccount,

    /// The operating system refused something.
    #[error("could not {action}: {source}")]
    System {
        /// What the process was doing.
        action: &'static str,
        /// What the operating system says.
        source: io::Error,
    },

    /// `initdb` failed.
    #[error("initdb could not make a cluster: {output}")]
    Initdb {
        /// The output of `initdb`.
        output: String,
    },

    /// `pg_basebackup` failed.
    #[error("pg_basebackup could not take a backup: {output}")]
    Backup {
        /// The output of `pg_basebackup`.
        output: String,
    },

    /// The server ended although it was to serve.
    #[error("the PostgreSQL server on port {port} ended with {status}; the end of its log:\n{log}")]
    Ended {
        /// The server's port.
        port: u16,
        /// The exit status of the server.
        status: std::process::ExitStatus,
        /// The last lines of the server's log.
        log: String,
    },

    /// The server runs and accepts no client.
    #[error("the PostgreSQL server on port {port} was not ready within {} s: {source}; the end of its log:\n{log}", limit.as_secs())]
    NotReady {
        /// The server's port.
        port: u16,
        /// How long the process waited for it.
        limit: std::time::Duration,
        /// Why the last attempt to connect failed.
        source: sqlx::Error,
        /// The last lines of the server's log.
        log: String,
    },

    /// The server did not end when it was told to.
    #[error("the PostgreSQL server on port {port} did not end within {} s; the end of its log:\n{log}", limit.as_secs())]
    NotEnding {
        /// The server's port.
        port: u16,
        /// How long the process waited for it.
        limit: std::time::Duration,
        /// The last lines of the server's log.
        log: String,
    },

    /// The bookings could not be loaded.
    #[error("could not load the bookings: {0}")]
    Dataset(#[source] sqlx::Error),
}

impl ClusterError {
    /// For `map_err`: turns a refusal of the operating system into an error that names the action.
    pub(crate) fn system(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { action, source }
    }
}
