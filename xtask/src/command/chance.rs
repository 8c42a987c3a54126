use std::env;
use std::ffi::OsString;
use std::process::Command;

use anyhow::Context;

use crate::{build, prerequisite, step};

/// Builds the host as the tests run it, and becomes the torture program.
pub(crate) fn torture(arguments: &[OsString]) -> anyhow::Result<()> {
    become_test_program("torture", arguments)
}

/// Builds the host as the tests run it, and becomes the program that sends requests by chance.
pub(crate) fn fuzz(arguments: &[OsString]) -> anyhow::Result<()> {
    become_test_program("fuzz", arguments)
}

fn become_test_program(name: &str, arguments: &[OsString]) -> anyhow::Result<()> {
    prerequisite::ensure()?;
    build::policies()?;
    build::tests()?;
    // Cargo puts the program beside this one.
    let this = env::current_exe().context("could not find this program's own path")?;
    step::become_program(Command::new(this.with_file_name(name)).args(arguments))
}
