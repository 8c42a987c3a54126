//! The project's own commands: `cargo xtask demo`, `cargo xtask test`, `cargo xtask built-in`,
//! `cargo xtask bench`, `cargo xtask torture`, `cargo xtask fuzz`.

mod build;
mod command;
mod prerequisite;
mod step;

use std::ffi::OsString;

use clap::Parser;

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Command {
    /// Shows Turnout at work: two throw-away databases, the host, and commands to try.
    Demo(Rest),
    /// Runs every test.
    Test(Rest),
    /// Builds the policies that are part of the host, and puts them where the host is compiled with them.
    BuiltIn,
    /// Runs the benchmarks; with `--peers`, compares the cost of a decision with Extism and Regorus.
    Bench(Bench),
    /// Breaks hosts, databases and networks while bots work, and looks for writes that were lost.
    Torture(Rest),
    /// Sends a host requests of the PostgREST dialect by chance, and looks for answers that are no rows and no error of the caller.
    Fuzz(Rest),
}

#[derive(clap::Args)]
struct Bench {
    /// Compares the cost of a decision with Extism and Regorus. These take minutes to compile.
    #[arg(long)]
    peers: bool,
    #[command(flatten)]
    rest: Rest,
}

#[derive(clap::Args)]
#[command(disable_help_flag = true)]
struct Rest {
    /// Arguments passed on: to `turnout demo`, to the test runner, to `cargo bench`, to the torture, to the fuzzer.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Demo(rest) => command::demo(&rest.arguments),
        Command::BuiltIn => command::built_in(),
        Command::Test(rest) => command::test(&rest.arguments),
        Command::Bench(Bench { peers: true, .. }) => command::peers(),
        Command::Bench(bench) => command::bench(&bench.rest.arguments),
        Command::Torture(rest) => command::torture(&rest.arguments),
        Command::Fuzz(rest) => command::fuzz(&rest.arguments),
    }
}
