use std::ffi::OsString;
use std::process::Command;

use crate::{build, prerequisite, step};

/// Builds what the demo needs, and becomes `turnout demo`, which finds the policies in the folder beside its own.
pub(crate) fn demo(arguments: &[OsString]) -> anyhow::Result<()> {
    prerequisite::ensure()?;
    build::policies()?;
    build::host("demo")?;
    let target = build::target()?;
    step::become_program(Command::new(target.join("demo/turnout")).arg("demo").args(arguments))
}
