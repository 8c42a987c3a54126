use std::env;
use std::ffi::OsString;
use std::process::Command;

use anyhow::Context;

use crate::{build, prerequisite, step};

/// Builds what the demo needs and becomes `turnout demo`, which finds the policies beside itself.
pub(crate) fn demo(arguments: &[OsString]) -> anyhow::Result<()> {
    prerequisite::ensure()?;
    build::policies()?;
    build::host("demo")?;
    // Cargo put this program at <target>/debug/xtask and the host at <target>/demo/turnout.
    let this = env::current_exe().context("where this program is")?;
    let target = this
        .ancestors()
        .nth(2)
        .context("the target directory, two levels above this program")?;
    step::become_program(Command::new(target.join("demo/turnout")).arg("demo").args(arguments))
}
