use std::env;
use std::ffi::OsString;
use std::process::Command;

use anyhow::Context;

use crate::{build, prerequisite, step};

/// Builds the host as the tests run it, and becomes the torture.
pub(crate) fn torture(arguments: &[OsString]) -> anyhow::Result<()> {
    prerequisite::ensure()?;
    build::policies()?;
    build::tests()?;
    // Cargo put this program beside it.
    let this = env::current_exe().context("where this program is")?;
    step::become_program(Command::new(this.with_file_name("torture")).args(arguments))
}
