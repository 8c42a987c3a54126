use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep, timeout_at};

use crate::ClusterError;

/// How long a server may take to become ready or to end.
const LIMIT: Duration = Duration::from_secs(30);
/// How long to wait between two looks at a condition that has no event.
const GLANCE: Duration = Duration::from_millis(5);
/// How much of the log an error shows, in lines.
const LOG_LINES: usize = 20;

/// A running `postgres`. Dropping it ends the server at once.
pub(crate) struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// Starts a server that appends its messages to `log`.
    pub(crate) fn spawn(command: &mut Command, port: u16, log: &Path) -> io::Result<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let process = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // A process group of its own: a Ctrl-C reaches the owner alone, who then decides how the server ends.
            .process_group(0)
            .spawn()?;
        Ok(Self { process, port })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until the server accepts a connection to `url`.
    pub(crate) async fn ready(&mut self, url: &str, log: &Path) -> Result<(), ClusterError> {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.ended()? {
                return Err(ClusterError::Ended {
                    port: self.port,
                    status,
                    log: tail(log),
                });
            }
            let attempt = timeout_at(deadline, PgConnection::connect(url)).await;
            match attempt.unwrap_or_else(|elapsed| Err(sqlx::Error::Io(elapsed.into()))) {
                Ok(connection) => {
                    // The server accepted the connection. An error on closing it does not matter.
                    let _: sqlx::Result<()> = connection.close().await;
                    return Ok(());
                }
                Err(source) if Instant::now() >= deadline => {
                    return Err(ClusterError::NotReady {
                        port: self.port,
                        limit: LIMIT,
                        source,
                        log: tail(log),
                    });
                }
                Err(_) => sleep(GLANCE).await,
            }
        }
    }

    /// Ends the server by a signal: on `SIGINT` it rolls back open transactions and ends cleanly, on `SIGQUIT` it ends as a crash does.
    pub(crate) async fn end(&mut self, signal: Signal, log: &Path) -> Result<(), ClusterError> {
        let deadline = Instant::now() + LIMIT;
        self.signal(signal);
        while self.ended()?.is_none() {
            if Instant::now() > deadline {
                return Err(ClusterError::NotEnding {
                    port: self.port,
                    limit: LIMIT,
                    log: tail(log),
                });
            }
            sleep(GLANCE).await;
        }
        Ok(())
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, ClusterError> {
        self.process
            .try_wait()
            .map_err(ClusterError::system("ask whether the server runs"))
    }

    /// Sends a signal, and wakes a frozen server so that it receives the signal.
    fn signal(&self, signal: Signal) {
        if let Ok(id) = i32::try_from(self.process.id()) {
            // `kill` fails only if the server has ended already.
            let _: nix::Result<()> = kill(Pid::from_raw(id), signal);
            let _: nix::Result<()> = kill(Pid::from_raw(id), Signal::SIGCONT);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            self.signal(Signal::SIGQUIT);
            let _: io::Result<_> = self.process.wait();
        }
    }
}

/// The last lines of a log, as far as it can be read.
fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
