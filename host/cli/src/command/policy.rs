//! Policies: begun, built, tried and looked at on an engineer's own machine, and shipped to a running host.

mod build;
mod check;
mod eject;
mod file;
mod fitting;
mod kit;
mod new;
mod replay;
mod ship;
mod shown;
mod surroundings;
mod test;

use std::path::Path;

use anyhow::Result;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Policy {
    /// Write a new policy: a crate that compiles as it is, its settings, and cases to test it
    New(new::New),
    /// Write the WIT package out: what policies in any language export and are promised
    Wit(new::Wit),
    /// Write the policy of a world out that is built into this program: its module and its settings, to be edited
    ///
    /// Of a world that the policy directory does not hold, the host uses what is built in, unless the record says otherwise. What is
    /// written into the directory of a running host comes into force there.
    Eject(eject::Eject),
    /// Build a policy into a component
    Build(build::Build),
    /// Test a policy against cases: an operation in, a decision out; exit with 1 if any fails
    ///
    /// The module is held to the bounds that a host has: those of the configuration file, if it is there.
    Test(test::Test),
    /// Say what a module is: its world, imports, size and settings, and how long a call takes; exit with 1 if it is no policy
    ///
    /// The repositories, the kind of subjects and the bounds of policies are those of the configuration file, if it is there.
    /// Nothing else of it is read.
    Check(check::Check),
    /// Bring a module into force at the running host, by handoff: for everybody, or on trial for some
    Push(ship::Push),
    /// Run recorded operations through a module, and show which decisions would change, by cohort and repository
    ///
    /// Without --against the running host does it, on the operations that it has recorded. With it no host is needed: the
    /// repositories, the kind of subjects and the administrator's key, which subjects were hashed with, are those of the
    /// configuration file, if it is there.
    Replay(replay::Replay),
    /// Print the operations that the running host has recorded, with what is decided on them: one JSON object a line
    Recording,
    /// Show what is and was in force at the running host: each version by its SHA-256, who shipped it and from where
    List,
    /// Show what is on record of one epoch at the running host: both modules, who shipped them and when, and their settings
    Show(shown::Show),
    /// Show what differs between two epochs: the modules by their SHA-256, and the settings line by line
    Diff(shown::Diff),
    /// Bring a version that was in force before into force again: for everybody, or on trial for some
    ///
    /// A version is named by its SHA-256 and comes with the settings that it had last. With --epoch the whole set of that epoch
    /// comes back. On trial while it is in force for everybody already, everybody else gets the version before it.
    Activate(ship::Activate),
    /// Bring into force what was in force before the present policies
    Rollback(ship::Because),
    /// End a trial: the version on trial decides for everybody
    Promote(ship::Because),
    /// End a trial: the stable version decides for everybody
    Withdraw,
}

pub(crate) fn run(config: &Path, command: &Policy) -> Result<()> {
    match command {
        Policy::New(arguments) => new::run(arguments),
        Policy::Wit(arguments) => new::wit(arguments),
        Policy::Eject(arguments) => eject::run(config, arguments),
        Policy::Build(arguments) => build::run(arguments),
        Policy::Test(arguments) => test::run(config, arguments),
        Policy::Check(arguments) => check::run(config, arguments),
        Policy::Push(arguments) => ship::push(config, arguments),
        Policy::Replay(arguments) => replay::run(config, arguments),
        Policy::Recording => replay::export(config),
        Policy::List => ship::list(config),
        Policy::Show(arguments) => shown::show(config, arguments),
        Policy::Diff(arguments) => shown::diff(config, arguments),
        Policy::Activate(arguments) => ship::activate(config, arguments),
        Policy::Rollback(because) => ship::change(config, "rollback", Some(because)),
        Policy::Promote(because) => ship::change(config, "promote", Some(because)),
        Policy::Withdraw => ship::change(config, "withdraw", None),
    }
}
