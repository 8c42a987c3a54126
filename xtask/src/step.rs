use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Prints a line about one step and runs it. All output goes to stderr: stdout belongs to the program that comes last.
pub(crate) fn run(what: &str, command: &mut Command) -> anyhow::Result<()> {
    eprintln!("xtask: {what}");
    let status = command.stdin(Stdio::null()).stdout(io::stderr()).status();
    let status = status.with_context(|| format!("{what}: could not start {}", command.get_program().display()))?;
    ensure!(status.success(), "{what} failed: {command:?} ended with {status}");
    Ok(())
}

/// Replaces this process by a program, so that signals reach the program and its exit code is the process's. Returns only on failure.
pub(crate) fn become_program(command: &mut Command) -> anyhow::Result<()> {
    Err(command.exec()).with_context(|| format!("could not start {}", command.get_program().display()))
}

/// Whether a program exists and succeeds with these arguments. Its output is not shown.
pub(crate) fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let command = &mut Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
