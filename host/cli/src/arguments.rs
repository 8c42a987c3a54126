use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use turnout_vocabulary::Backend;

use crate::command::policy::Policy;

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
    /// Check the configuration, both databases, what is installed there, and the policies; exit with 1 if any is wrong
    Check,
    /// Make the repositories and subjects of this configuration the site's, for every host
    ///
    /// Every host must have the same `key`, `subject` and `schema` of every repository, and the same `subjects.region`. This
    /// installs on both sides what a changed description needs, and moves the site to it by a handoff; run it as the owner of
    /// the tables. Running hosts then serve nothing until they are started with the new configuration.
    Apply,
    /// Show how a running host stands: policies, backends, the mirror in both directions, alerts
    Status(Status),
    /// Install what the mirror and the handoff need on one side, or renew it; needs no superuser
    ///
    /// Makes the schema `turnout`, and puts triggers on the tables of all repositories. Sequences stay as they are until both sides
    /// can insert. Run it as the owner of the tables, with a url that names the role of the host. It says what it could not do. It can be run again at any time, and must be after a table was added, or got a partition.
    Install(Install),
    /// Take the installation of one side away again
    ///
    /// Takes away the triggers, restores the steps of the sequences, and drops the schema `turnout` with the record of the
    /// epochs and every change that is not mirrored yet. Stop all hosts first.
    Uninstall(Uninstall),
    /// List, retry or drop the keys that a running host could not mirror and has put aside
    Mirror(Mirror),
    /// Move authority to one side by force, when the other is dead; what it had not mirrored is lost
    ///
    /// While both sides live, change the stages in routing.toml instead: that loses nothing. When the dead side is back it is
    /// taken in as the mirror; what it had not mirrored is shown as diverged and not applied over newer rows. Without
    /// --accept-loss this only tells what would be lost, and exits with 1.
    Failover(Failover),
    /// Say which side's rows count, after a side was restored from the past
    ///
    /// A side that shows less than it once did was restored, as from a backup: from then on nothing is mirrored and no authority moves.
    /// This makes the side that is named the authority of everything, copies all rows that differ from it to the other side, and lets
    /// the mirror go on. What only the other side had is lost.
    Rejoin(Rejoin),
    /// Write, build, test and check policies
    #[command(subcommand)]
    Policy(Policy),
}

/// One of the two databases, by the word for it.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Side {
    /// The database that the application leaves
    Old,
    /// The database that it moves to
    New,
}

impl From<Side> for Backend {
    fn from(side: Side) -> Self {
        match side {
            Side::Old => Self::Old,
            Side::New => Self::New,
        }
    }
}

#[derive(Args)]
pub(crate) struct Install {
    /// The side to install on
    pub(crate) backend: Side,
    /// Print the SQL instead of running it, for an SQL editor
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) print_sql: bool,
    /// Try everything and take it back
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Uninstall {
    /// The side to take it away from
    pub(crate) backend: Side,
    /// Try everything and take it back
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Mirror {
    #[command(subcommand)]
    pub(crate) action: MirrorAction,
}

#[derive(Subcommand)]
pub(crate) enum MirrorAction {
    /// List the keys with their reasons; they may be personal data
    List(Which),
    /// Try them again, once what kept them back is mended
    Retry(Which),
    /// Give them up: their rows stay different, shown as diverged, until they change again
    Drop(Which),
}

/// Which keys are meant.
#[derive(Args)]
pub(crate) struct Which {
    /// Only those of this repository
    #[arg(long, value_name = "NAME")]
    pub(crate) repository: Option<String>,
    /// Only those whose rows are on this side
    #[arg(long, value_name = "SIDE")]
    pub(crate) source: Option<Side>,
}

#[derive(Args)]
pub(crate) struct Failover {
    /// The side that is to be the authority of everything
    #[arg(long, value_name = "SIDE")]
    pub(crate) to: Side,
    /// Go ahead, though what the other side had not mirrored is lost
    #[arg(long)]
    pub(crate) accept_loss: bool,
}

#[derive(Args)]
pub(crate) struct Rejoin {
    /// The side whose rows count
    pub(crate) side: Side,
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
}

#[derive(Args)]
pub(crate) struct Status {
    /// Print the answer of `/v1/status` as it is
    #[arg(long)]
    pub(crate) json: bool,
}
