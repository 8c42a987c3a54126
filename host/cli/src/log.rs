use std::io::{IsTerminal, Write};

use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// The configuration of the log.
#[derive(Clone, Debug)]
pub(crate) struct LogConfig {
    /// Which events are logged, such as `info` or `turnout_handoff=debug,info`.
    pub(crate) filter: String,
    /// The format of a line.
    pub(crate) format: Format,
}

/// The format of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

impl LogConfig {
    /// Checks that the filter can be read.
    pub(crate) fn check(&self) -> Result<(), ParseError> {
        EnvFilter::builder().parse(&self.filter).map(drop)
    }

    /// Logs to standard error from now on. The environment's `TURNOUT_LOG` wins over the configured filter.
    pub(crate) fn start(&self) {
        let filter = std::env::var("TURNOUT_LOG").unwrap_or_else(|_| self.filter.clone());
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal());
        // A process can start its log only once. A second start changes nothing.
        let _ = match self.format {
            Format::Text => subscriber.try_init(),
            Format::Json => subscriber.json().flatten_event(true).try_init(),
        };
    }
}

/// Tells a person on standard error why a command failed.
pub(crate) fn complain(error: &anyhow::Error) {
    // If standard error is closed, nobody reads.
    let _ = writeln!(std::io::stderr(), "turnout: {error:#}");
}
