use crate::step::{cargo, run};

/// The packages whose core modules are policies.
const POLICIES: [&str; 2] = ["turnout-routing", "turnout-dual-write"];

/// Builds every policy for WebAssembly.
pub(crate) fn policies() -> anyhow::Result<()> {
    let mut command = cargo();
    command.args(["build", "--target", "wasm32-unknown-unknown", "--profile", "policy"]);
    for package in POLICIES {
        command.args(["--package", package]);
    }
    run("building the policies", &mut command)
}

/// Builds the host: with the profile `release` as users run it, with the profile `demo` soon rather than fast.
pub(crate) fn host(profile: &str) -> anyhow::Result<()> {
    run(
        "building the host",
        cargo().args(["build", "--profile", profile, "--package", "turnout"]),
    )
}

/// Builds the host as the tests run it, and the tests: all at once, so that every crate is compiled with the same
/// features, hence once.
pub(crate) fn tests() -> anyhow::Result<()> {
    run(
        "building the host and the tests",
        cargo().args(["build", "--workspace", "--bins", "--tests"]),
    )
}
