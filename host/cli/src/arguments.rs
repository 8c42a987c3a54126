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
    /// Check the configuration, both databases, their installations and the policies; exit with 1 if anything is wrong
    Check,
    /// Make this configuration's description of the site the one of every host
    ///
    /// The description is the `key`, `subject` and `schema` of every repository, and `subjects.region`. It must be the same on every host.
    /// The command installs on both sides what a changed description needs, and brings the description into force by a handoff. Run it as
    /// the owner of the tables. Running hosts then serve nothing until they are started with the new configuration.
    Apply,
    /// Show the state of a running host: policies, backends, the mirror in both directions, alerts
    Status(Status),
    /// Install the SQL of the mirror and the handoff on one side, or renew it; needs no superuser
    ///
    /// Makes the schema `turnout`, and puts triggers on the tables of all repositories. Sequences stay as they are until both sides can
    /// insert. Run it as the owner of the tables, with a url that names the role of the host. It prints what it could not do. It can be run
    /// again at any time. Run it again after a table was added or got a partition.
    Install(Install),
    /// Remove the installation of one side
    ///
    /// Removes the triggers, restores the steps of the sequences, and drops the schema `turnout`. The record of the epochs and all changes
    /// that are not mirrored yet go with the schema. Stop all hosts first.
    Uninstall(Uninstall),
    /// List, retry or drop parked keys: keys whose rows a running host could not mirror
    Mirror(Mirror),
    /// Move all authority to one side by force when the other is dead; changes that are not mirrored are lost
    ///
    /// While both sides live, change the stages in routing.toml instead: that loses nothing. When the dead side is back, it becomes the
    /// mirror. Rows that it had not mirrored are then shown as diverged and not applied over newer rows. Without --accept-loss the command
    /// only prints what would be lost, and exits with 1.
    Failover(Failover),
    /// Choose the side whose rows count, after a side was restored from the past
    ///
    /// When a host finds that a side was restored, as from a backup, nothing is mirrored and no authority moves. This command makes the
    /// named side the authority of everything, copies all rows that differ to the other side, and lets the mirror go on. Rows that only the
    /// other side had are lost.
    Rejoin(Rejoin),
    /// Write, build, test and check policies
    #[command(subcommand)]
    Policy(Policy),
}

/// One of the two databases, by its name on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Side {
    /// The database that the application leaves
    Old,
    /// The database that the application moves to
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
    /// Try the installation in a transaction and roll it back
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Uninstall {
    /// The side to remove the installation from
    pub(crate) backend: Side,
    /// Try the removal in a transaction and roll it back
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
    /// List parked keys with their reasons; keys may be personal data
    List(Which),
    /// Try parked keys again, once the reason is fixed
    Retry(Which),
    /// Drop parked keys: their rows stay different, shown as diverged, until they change again
    Drop(Which),
}

/// Which parked keys to list, retry or drop.
#[derive(Args)]
pub(crate) struct Which {
    /// Only keys of this repository
    #[arg(long, value_name = "NAME")]
    pub(crate) repository: Option<String>,
    /// Only keys whose rows are on this side
    #[arg(long, value_name = "SIDE")]
    pub(crate) source: Option<Side>,
}

#[derive(Args)]
pub(crate) struct Failover {
    /// The side that becomes the authority of everything
    #[arg(long, value_name = "SIDE")]
    pub(crate) to: Side,
    /// Go ahead, although changes that the other side had not mirrored are lost
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
    /// Listen at this address instead of the configured one; port 0 takes a free port
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
    /// Print the JSON of `/v1/status` unchanged
    #[arg(long)]
    pub(crate) json: bool,
}
