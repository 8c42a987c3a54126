use crate::{build, prerequisite, step};

/// Builds the plugins of the systems that Turnout's policies are compared with, and becomes the benchmark that compares them.
pub(crate) fn peers() -> anyhow::Result<()> {
    prerequisite::ensure()?;
    build::policies()?;
    let target = build::target()?;
    let own = target.join("peers");
    let cargo = |action| {
        let mut cargo = step::cargo();
        cargo
            .args([action, "--manifest-path"])
            .arg(build::root().join("tests/peers/Cargo.toml"));
        cargo.arg("--target-dir").arg(&own);
        cargo
    };
    step::run(
        "building the plugins",
        cargo("build")
            .args(["--target", "wasm32-unknown-unknown", "--profile", "plugin"])
            .args(["--package", "extism-*"]),
    )?;
    step::become_program(
        cargo("run")
            .args(["--release", "--package", "turnout-peers", "--"])
            .arg(target.join("wasm32-unknown-unknown/policy"))
            .arg(own.join("wasm32-unknown-unknown/plugin")),
    )
}
