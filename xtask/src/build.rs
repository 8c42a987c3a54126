use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::Context;

use crate::step::{cargo, run};

/// The packages whose core modules are policies.
const POLICIES: [&str; 2] = ["turnout-routing", "turnout-dual-write"];

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The target directory. Cargo put this program at `<target>/debug/xtask`.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let this = env::current_exe().context("where this program is")?;
    let target = this.ancestors().nth(2);
    Ok(target
        .context("the target directory, two levels above this program")?
        .to_owned())
}

/// Builds every policy for WebAssembly: to the same bytes on every machine, so that no file has the path of the libraries in it.
pub(crate) fn policies() -> anyhow::Result<()> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let home = home.context("where the libraries are: set CARGO_HOME")?;
    let remap = format!("--remap-path-prefix={}=/cargo", home.display());
    let mut command = cargo();
    command.args(["build", "--target", "wasm32-unknown-unknown", "--profile", "policy"]);
    command.args([
        "--config",
        &format!("target.wasm32-unknown-unknown.rustflags=[{remap:?}]"),
    ]);
    for package in POLICIES {
        command.args(["--package", package]);
    }
    run("building the policies", &mut command)
}

/// Builds the policy in JavaScript, unless nothing that it is made of has changed.
pub(crate) fn javascript() -> anyhow::Result<()> {
    let root = root();
    let (source, module) = (
        root.join("plugins/javascript"),
        root.join("target/javascript/moved.wasm"),
    );
    let time = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let mut inputs: Vec<_> = ["moved.js", "build.mjs", "package-lock.json"]
        .map(|file| source.join(file))
        .into();
    for file in fs::read_dir(root.join("wit")).context("could not read wit/")? {
        inputs.push(file?.path());
    }
    let built = time(&module);
    if built.is_some() && inputs.iter().all(|input| time(input) < built) {
        return Ok(());
    }
    fs::create_dir_all(root.join("target/javascript")).context("could not make target/javascript")?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&source);
    run("fetching what makes JavaScript a component", &mut npm)?;
    let mut node = Command::new("node");
    node.arg("build.mjs").arg(&module).current_dir(&source);
    run("building the policy in JavaScript", &mut node)
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
