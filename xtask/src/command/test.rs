use std::ffi::OsString;

use crate::build::{self, PREPARED};
use crate::{prerequisite, step};

/// Runs every test, or those that the arguments choose. The summary of the test runner is printed last.
pub(crate) fn test(arguments: &[OsString]) -> anyhow::Result<()> {
    prerequisite::ensure()?;
    build::policies()?;
    if choose(arguments, "javascript") {
        prerequisite::ensure_node()?;
        build::javascript()?;
    }
    if choose(arguments, "postgresql") {
        prerequisite::ensure_versions()?;
    }
    if choose(arguments, "supabase_js") {
        prerequisite::ensure_supabase_js()?;
    }
    build::tests()?;
    if !step::succeeds("cargo-nextest", &["--version"]) {
        return step::become_program(
            step::cargo()
                .args(["test", "--workspace", "--features", PREPARED])
                .args(arguments),
        );
    }
    // nextest runs no documentation tests.
    if arguments.is_empty() {
        step::run(
            "running the documentation tests",
            step::cargo().args(["test", "--workspace", "--doc", "--quiet"]),
        )?;
    }
    let command = ["nextest", "run", "--workspace", "--features", PREPARED];
    step::become_program(step::cargo().args(command).args(arguments))
}

/// Whether the arguments choose all tests, or those of this name.
fn choose(arguments: &[OsString], name: &str) -> bool {
    let names_it = |argument: &OsString| argument.to_string_lossy().contains(name);
    arguments.is_empty() || arguments.iter().any(names_it)
}
