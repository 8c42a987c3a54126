use std::ffi::OsString;
use std::process::Command;

use crate::{build, prerequisite, step};

/// Builds the host and becomes `turnout demo`.
pub(crate) fn demo(arguments: &[OsString]) -> anyhow::Result<()> {
    prerequisite::ensure_for_demo()?;
    build::host("demo")?;
    let target = build::target()?;
    step::become_program(Command::new(target.join("demo/turnout")).arg("demo").args(arguments))
}
