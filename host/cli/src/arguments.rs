use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Parser, Subcommand, ValueEnum};
use turnout_compare::{Load, Sample};
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
    /// Look at the database that the application leaves, and write a configuration for it
    ///
    /// Reads the tables of `old` with their keys and foreign keys, and a sample of their values to find out whose rows they are. Writes the file
    /// that `--config` names, with every table that has a key, and `policies/routing.toml` with everything `off`. It changes neither database and
    /// overwrites no file.
    Init(Init),
    /// Name everything that would break the migration, with the SQL that mends it
    ///
    /// Reads both databases and changes nothing. Each finding says what is the matter, where, why that matters, and the statements that mend
    /// it, to be pasted on the side that is named. Rows that are in the way are listed by their keys, which may be personal data. It needs
    /// no installation, and of the configuration only the databases and the repositories. Where `new` has an installation the result is
    /// kept there as evidence, without keys. Exits with 0 if nothing blocks, with 1 if something does, and with 2 if that could not be told.
    Preflight(Preflight),
    /// Compare what both databases hold beside rows
    Schema(Schema),
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
    /// Removes the triggers, restores the steps of the sequences, and drops the schema `turnout`. The record of the epochs, all changes
    /// that are not mirrored yet, and the rows that cleanups could put back go with the schema. Stop all hosts first.
    Uninstall(Uninstall),
    /// Copy the rows that one side lacks while writes go on, and follow that until it is done
    ///
    /// The running hosts do the copying, as soon as a repository is mirrored (stage `dualwrite` or later): this command says how far they
    /// are, and how fast they may go. Tables are copied in chunks, parents before those that refer to them. A row that changes meanwhile is
    /// mirrored as ever. A host that dies loses nothing, as another goes on where it was. Exits with 0 when everything is copied, with 1 if a
    /// repository is not mirrored for everybody, or with --dry-run if `new` refuses rows, and with 2 if that could not be told.
    Backfill(Backfill),
    /// Compare both sides whole while writes go on, and prove that they are equal by digests
    ///
    /// A row that is only on its way is no difference. What differs is listed, and kept for `turnout divergence`. The number of rows and the
    /// SHA-256 of each table on both sides are kept as evidence on the side `new`. A verification that was interrupted within the last day goes
    /// on where it was. Exits with 0 if both sides are equal, with 1 if they differ, and with 2 if that could not be told.
    Verify(Verify),
    /// Measure the same operations on both databases, and name those that are slower on `new`
    ///
    /// Looks subjects up, with and without related rows, searches in a text column, inserts 100 rows at once into a scratch table, and
    /// repeats up to 20 reads that a running host has recorded. The operations go through the same code as those of the application, on
    /// both sides in turn. It writes to no table of the application: the scratch table is in the schema `turnout`, and is dropped at the
    /// end. The result is kept as evidence on the side `new`, without any subject or row. Exits with 0 if nothing is slower, with 1 if
    /// something is, and with 2 if that could not be told.
    Baseline(Baseline),
    /// Say whether authority may move to `new`: go or no-go, criterion by criterion
    ///
    /// Judges what was proved (preflight, drift, backfill, verify, baseline, drill, parallel run), as `new` keeps it, and how both sides stand
    /// now: rows that differ, parked keys, how far the mirror is behind, backups where SQL tells of them. `[ready]` in the configuration says
    /// what is enough. It reads both databases and changes nothing. Exits with 0 if it is a go, with 1 if it is not, and with 2 if that could not
    /// be told.
    Ready(Ready),
    /// Move everyone, or some subjects, to `new`, and watch what follows
    ///
    /// Shows first what `turnout ready` says. For everyone it goes on only if that is a go, or with --because. Then the running host has
    /// everything that is mirrored from `old` stand at `live`, by a handoff: no write is lost, and only operations wait whose authority
    /// changes. After it the command watches errors, latency, divergences, parked keys and the mirror for a while. With --auto-rollback it
    /// takes the cutover back if one of them is broken. What was done is kept on `new` as evidence. Exits with 0 if all went well, with 1 if the
    /// cutover was refused or something was broken, and with 2 if that could not be told.
    Cutover(Cutover),
    /// Take the last cutover back: what it moved stands where it stood before
    ///
    /// The running host does it by a handoff. The mirror runs both ways, so nothing that was written on `new` is lost. What was changed
    /// otherwise since the cutover stays. Each further call takes back the cutover before.
    Rollback(Rollback),
    /// Refuse the application's writes on all hosts, until `turnout unfreeze`
    ///
    /// Writes are answered 503 `TURNOUT_FROZEN` with `Retry-After`; reads and the mirror go on. Asks a running host; when the command returns, no
    /// write that was let in before can commit any more, on any host. It is kept in the record, so restarts change nothing.
    Freeze(Freeze),
    /// Let the application's writes in again, on all hosts
    Unfreeze(Unfreeze),
    /// Remove test rows from both databases, after a dry run
    ///
    /// Without `--execute` nothing is removed: the command counts the rows, shows five of them, and lists every row that refers to them. The
    /// safe-cleanup policy must agree to each. With `--execute --expect N` exactly N rows go, those first that refer to others, on
    /// the backend that is their authority; the mirror follows. The command asks a running host, and needs `cleanup = "allowed"` at the
    /// backends in the configuration. It exits with 1 if the cleanup is or would be refused.
    Cleanup(Cleanup),
    /// Rehearse the rollback: move one subject to the other side and back, while its rows are read
    ///
    /// Asks a running host to move the subject's authority by a handoff, and back: from `old` to `live`, or from `new` to `shadow`. The
    /// way of it is a trial of routing settings for this subject alone, so that nobody else moves and the settings stay as they are, also
    /// when the command is interrupted. Checks that no operation is refused or lost, that both sides hold the same rows of the subject
    /// afterwards, and that both ways take no longer than allowed. The result is kept as evidence on the side `new`, without the subject.
    /// Exits with 0 if the drill passed, with 1 if it failed, and with 2 if it could not be told.
    Drill(Drill),
    /// Report the parallel run: operations, errors, latencies, divergences, the mirror, handoffs, alerts and what was proved
    ///
    /// Writes one HTML page with plots that needs no network, from what the hosts have kept on the side `new`: minutes for thirty days, and
    /// all evidence. It names no subject and no row. Needs no running host. Exits with 2 if the report could not be made.
    Report(Report),
    /// End the migration: take Turnout away from the database that the application has left
    Retire(Retire),
    /// Make both sides equal again: compare them, and mirror once more what differs, from its authority
    ///
    /// Rows that no stage mirrors stay as they are. A host must run, as it does the mirroring. Follows the rows until they are equal or
    /// parked. Exits with 1 if any is left.
    Reconcile(Reconcile),
    /// List the rows that are known to differ between the sides, or show one with its history
    Divergence(Divergence),
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
pub(crate) struct Init {
    /// The database that the application leaves: postgres://user:password@host:port/database
    #[arg(long, value_name = "URL", env = "TURNOUT_OLD_URL", hide_env_values = true)]
    pub(crate) old: String,
    /// The database that it moves to; it need not be reachable yet
    #[arg(long, value_name = "URL", env = "TURNOUT_NEW_URL", hide_env_values = true)]
    pub(crate) new: String,
    /// A schema whose tables are served; may be given several times [default: public]
    #[arg(long, value_name = "NAME")]
    pub(crate) schema: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Preflight {
    /// Only this repository; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) repository: Vec<String>,
    /// Print the findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Schema {
    #[command(subcommand)]
    pub(crate) action: SchemaAction,
}

#[derive(Subcommand)]
pub(crate) enum SchemaAction {
    /// Print what differs between the tables served, and the enums, functions and views beside them
    ///
    /// Exits with 0 if nothing differs, with 1 if something does, and with 2 if that could not be told.
    Diff(SchemaDiff),
}

#[derive(Args)]
pub(crate) struct SchemaDiff {
    /// Print the statements that make `new` like `old`; those that would drop rows stand there as comments
    #[arg(long)]
    pub(crate) sql: bool,
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
pub(crate) struct Verify {
    /// Only this repository; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) repository: Vec<String>,
    /// Compare only so many percent of the rows, chosen by chance
    #[arg(long, value_name = "PERCENT", value_parser = sample)]
    pub(crate) sample: Option<Sample>,
    /// Keep each database busy for at most so many percent of the time; a busy database gets longer rests
    #[arg(long, value_name = "PERCENT", value_parser = load)]
    pub(crate) max_load: Option<Load>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Report {
    /// Begin at this time (2026-01-31T12:00:00Z) or so long ago (48h) [default: the first minute that is kept]
    #[arg(long, value_name = "TIME", value_parser = crate::command::report::moment)]
    pub(crate) since: Option<SystemTime>,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write JSON instead of HTML
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Retire {
    #[command(subcommand)]
    pub(crate) action: RetireAction,
}

#[derive(Subcommand)]
pub(crate) enum RetireAction {
    /// Retire `old`, once all authority is on `new`; without --execute only say what is in the way
    ///
    /// Checks that the authority of everything is `new`, that nothing of `old` waits to be mirrored, is parked or differs, and that
    /// `turnout verify` found every repository equal within the last 24 hours. With --execute a running host then brings everybody to
    /// `complete`: from there on `new` alone is written, its sequences count in steps of one, and there is no way back. When all hosts have
    /// stopped, the same command keeps evidence, writes a last report, and removes the installation from `old`. The rows of `old` stay. It
    /// can be run again at any time. Exits with 0 if nothing is in the way, with 1 if something is, and with 2 if that could not be told.
    Old(RetireOld),
}

#[derive(Args)]
pub(crate) struct RetireOld {
    /// Do it
    #[arg(long)]
    pub(crate) execute: bool,
    /// Where the last report is written
    #[arg(long, value_name = "FILE", default_value = "turnout-last-report.html")]
    pub(crate) output: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Drill {
    /// The subject to move, spelled as its rows spell it [default: the test phone of the routing settings]
    #[arg(long, value_name = "PHONE")]
    pub(crate) phone: Option<String>,
    /// How long both ways may take together
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) within: Duration,
    /// How many reads of the subject's rows are made a second meanwhile
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) load: u32,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Baseline {
    #[command(subcommand)]
    pub(crate) action: Option<BaselineAction>,
    /// How often each operation is carried out on each side
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(20..=10_000))]
    pub(crate) samples: u32,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum BaselineAction {
    /// Compare the newest baseline with the first one, and name what became slower on either side
    ///
    /// Exits with 0 if nothing became slower, with 1 if something did, and with 2 if that could not be told.
    Compare(BaselineCompare),
}

#[derive(Args)]
pub(crate) struct BaselineCompare {
    /// Compare with the baseline that has this number of evidence, instead of the first one
    #[arg(long, value_name = "NUMBER")]
    pub(crate) with: Option<i64>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn sample(text: &str) -> Result<Sample, String> {
    let percent = text.trim_end_matches('%').parse().ok();
    percent
        .and_then(Sample::percent)
        .ok_or_else(|| "must be more than 0 and at most 100".to_owned())
}

fn load(text: &str) -> Result<Load, String> {
    let percent = text.trim_end_matches('%').parse().ok();
    percent
        .and_then(Load::percent)
        .ok_or_else(|| "must be a whole number from 1 to 100".to_owned())
}

#[derive(Args)]
pub(crate) struct Backfill {
    /// Only this repository; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) repository: Vec<String>,
    /// Keep each database busy for at most so many percent of the time, from now on; a busy database gets longer rests
    #[arg(long, value_name = "PERCENT", value_parser = load, conflicts_with = "dry_run")]
    pub(crate) max_load: Option<Load>,
    /// Copy the first rows of each table, take that back, and say what would fail and how long all rows would take
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Ready {
    /// Print the criteria as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Cutover {
    #[command(flatten)]
    pub(crate) whom: Whom,
    /// Go on although not everything is ready; the reason is kept as evidence
    #[arg(long, value_name = "REASON")]
    pub(crate) because: Option<String>,
    /// How long to watch what follows
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) watch: Duration,
    /// Take the cutover back if what follows is broken
    #[arg(long)]
    pub(crate) auto_rollback: bool,
    /// Print what was done as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// For whom a cutover is.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Whom {
    /// A subject, in any spelling; may be given several times
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) phone: Vec<String>,
    /// Everything that stands at `dualwrite` or `shadow`; what is `off` stays so
    #[arg(long)]
    pub(crate) everyone: bool,
}

#[derive(Args)]
pub(crate) struct Rollback {
    /// Why; the reason is kept as evidence
    #[arg(long, value_name = "REASON")]
    pub(crate) because: Option<String>,
    /// Print what was done as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Freeze {
    /// Why; `turnout status` shows it
    #[arg(long, value_name = "REASON")]
    pub(crate) because: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Unfreeze {
    /// Print the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Reconcile {
    /// Only this repository; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) repository: Vec<String>,
    /// Only say what would be repaired
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Cleanup {
    #[command(subcommand)]
    pub(crate) action: Option<CleanupAction>,
    #[command(flatten)]
    pub(crate) wanted: Option<Wanted>,
}

/// Which rows are to go.
#[derive(Args)]
pub(crate) struct Wanted {
    /// The repository
    #[arg(required = true)]
    pub(crate) repository: String,
    /// Only the rows that match this filter, a query of the PostgREST dialect: `phone=like.899900*&name=like.*[TEST_CLIENT]*`
    #[arg(long = "where", value_name = "FILTER", default_value = "", hide_default_value = true)]
    pub(crate) filter: String,
    /// Remove the rows
    #[arg(long, requires = "expect")]
    pub(crate) execute: bool,
    /// How many rows are to go in all, as the dry run said
    #[arg(long, value_name = "N", requires = "execute")]
    pub(crate) expect: Option<u64>,
    /// Print the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum CleanupAction {
    /// Put the rows of a cleanup back as they were; can be repeated for rows that are left out
    Undo {
        /// The id that the cleanup printed
        id: String,
    },
    /// List the cleanups whose rows can still be put back
    List,
}

#[derive(Args)]
pub(crate) struct Divergence {
    #[command(subcommand)]
    pub(crate) action: DivergenceAction,
}

#[derive(Subcommand)]
pub(crate) enum DivergenceAction {
    /// List the keys whose rows differ, with the columns; keys may be personal data
    List {
        /// Only keys of this repository
        #[arg(long, value_name = "NAME")]
        repository: Option<String>,
        /// Print JSON, one object a line
        #[arg(long)]
        json: bool,
    },
    /// Show the rows of a key on both sides, with a mark at each column that differs
    Show(OneKey),
    /// Show the rows of a key, and what is known of it: pending, held, parked, diverged, repaired
    Explain(OneKey),
}

/// One row by its key.
#[derive(Args)]
pub(crate) struct OneKey {
    /// The repository
    pub(crate) repository: String,
    /// The value of the key, or a JSON object with the value of each column of the key
    pub(crate) key: String,
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
