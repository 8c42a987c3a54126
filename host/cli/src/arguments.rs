use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Moves a live application from Supabase to your own PostgreSQL without stopping it.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// The configuration file
    #[arg(
        long,
        global = true,
        default_value = "turnout.toml",
        env = "TURNOUT_CONFIG",
        value_name = "FILE"
    )]
    pub(crate) config: PathBuf,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve the application until SIGINT or SIGTERM
    Serve(Serve),
    /// Try Turnout on two throw-away PostgreSQL servers, until Ctrl-C
    Demo(Demo),
    /// Check the configuration, both databases, the repositories and the policies; exit with 1 if any is wrong
    Check,
    /// Show how a running host stands
    Status(Status),
}

#[derive(Args)]
pub(crate) struct Serve {
    /// Listen here instead of where the configuration says; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Args)]
pub(crate) struct Demo {
    /// Print one line of JSON on standard output when everything is ready
    #[arg(long)]
    pub(crate) json: bool,
    /// Serve the API here [default: a free port on 127.0.0.1]
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:0",
        hide_default_value = true
    )]
    pub(crate) listen: SocketAddr,
    /// The port of the database `old` [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub(crate) old_port: Option<u16>,
    /// The port of the database `new` [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub(crate) new_port: Option<u16>,
    /// The folder of the built policies [default: where `cargo xtask demo` builds them]
    #[arg(long, value_name = "DIR")]
    pub(crate) policies_from: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Status {
    /// Print the answer of `/v1/status` as it is
    #[arg(long)]
    pub(crate) json: bool,
}
