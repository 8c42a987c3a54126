//! `turnout`: moves a live application from Supabase to your own PostgreSQL without stopping it.

mod arguments;
mod command;
mod config;
mod log;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let Arguments { config, command } = Arguments::parse();
    let done = match command {
        Command::Serve(arguments) => command::serve::run(&config, &arguments),
        Command::Demo(arguments) => command::demo::run(&arguments),
        Command::Init(arguments) => command::init::run(&config, &arguments),
        Command::Apply => command::apply::run(&config),
        Command::Check => command::check::run(&config),
        Command::Preflight(arguments) => return command::preflight::run(&config, &arguments),
        Command::Schema(arguments) => return command::schema::run(&config, &arguments),
        Command::Install(arguments) => command::install::install(&config, &arguments),
        Command::Uninstall(arguments) => command::install::uninstall(&config, &arguments),
        Command::Backfill(arguments) => return command::backfill::run(&config, &arguments),
        Command::Verify(arguments) => return command::verify::run(&config, &arguments),
        Command::Baseline(arguments) => return command::baseline::run(&config, &arguments),
        Command::Drill(arguments) => return command::drill::run(&config, &arguments),
        Command::Report(arguments) => return command::report::run(&config, &arguments),
        Command::Retire(arguments) => return command::retire::run(&config, &arguments),
        Command::Cutover(arguments) => return command::cutover::run(&config, &arguments),
        Command::Rollback(arguments) => return command::cutover::roll_back(&config, &arguments),
        Command::Freeze(arguments) => return command::freeze::freeze(&config, &arguments),
        Command::Unfreeze(arguments) => return command::freeze::unfreeze(&config, &arguments),
        Command::Ready(arguments) => return command::ready::run(&config, &arguments),
        Command::Reconcile(arguments) => command::reconcile::run(&config, &arguments),
        Command::Divergence(arguments) => command::divergence::run(&config, &arguments),
        Command::Cleanup(arguments) => command::cleanup::run(&config, &arguments),
        Command::Mirror(arguments) => command::mirror::run(&config, &arguments),
        Command::Failover(arguments) => command::failover::run(&config, &arguments),
        Command::Rejoin(arguments) => command::rejoin::run(&config, &arguments),
        Command::Policy(command) => command::policy::run(&config, &command),
        Command::Status(arguments) => command::status::run(&config, &arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::complain(&error);
            ExitCode::FAILURE
        }
    }
}
