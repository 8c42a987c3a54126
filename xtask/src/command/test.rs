use std::ffi::OsString;

use crate::{build, prerequisite, step};

/// Runs every test, or those that the arguments choose. What is printed last is the test runner's summary.
pub(crate) fn test(arguments: &[OsString]) -> anyhow::Result<()> {
    prerequisite::ensure_for_tests()?;
    build::policies()?;
    build::javascript()?;
    build::tests()?;
    if !step::succeeds("cargo-nextest", &["--version"]) {
        return step::become_program(step::cargo().args(["test", "--workspace"]).args(arguments));
    }
    // nextest knows no documentation tests.
    if arguments.is_empty() {
        step::run(
            "running the documentation tests",
            step::cargo().args(["test", "--workspace", "--doc", "--quiet"]),
        )?;
    }
    step::become_program(step::cargo().args(["nextest", "run", "--workspace"]).args(arguments))
}
