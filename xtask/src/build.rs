use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::Context;

use crate::step::{cargo, run};

/// The packages whose core modules are policies.
const POLICIES: [&str; 4] = [
    "turnout-routing",
    "turnout-dual-write",
    "turnout-divergence",
    "turnout-safe-cleanup",
];

/// The policies in JavaScript, each with its world.
const JAVASCRIPT: [(&str, &str); 3] = [
    ("moved", "routing"),
    ("tolerant", "divergence"),
    ("marked", "safe-cleanup"),
];

/// The feature that builds and runs the tests that need what this module builds.
pub(crate) const PREPARED: &str = "turnout-tests/prepared";

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The target directory. Cargo puts this program at `<target>/debug/xtask`.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let this = env::current_exe().context("could not find this program's own path")?;
    let target = this.ancestors().nth(2);
    Ok(target
        .context("could not find the target directory, two levels above this program")?
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

/// Builds each policy in JavaScript, unless none of its inputs has changed.
pub(crate) fn javascript() -> anyhow::Result<()> {
    let root = root();
    let (source, modules) = (root.join("plugins/javascript"), root.join("target/javascript"));
    let time = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let mut inputs: Vec<_> = ["build.mjs", "package-lock.json"].map(|file| source.join(file)).into();
    for file in fs::read_dir(root.join("wit")).context("could not read wit/")? {
        inputs.push(file?.path());
    }
    let builds = JAVASCRIPT.map(|(policy, world)| {
        let file = |folder: &Path, extension| folder.join(policy).with_extension(extension);
        (file(&source, "js"), world, file(&modules, "wasm"))
    });
    let is_stale = |(policy, _, module): &&(PathBuf, &str, PathBuf)| {
        let built = time(module);
        built.is_none() || inputs.iter().chain([policy]).any(|input| time(input) >= built)
    };
    let stale: Vec<_> = builds.iter().filter(is_stale).collect();
    if stale.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(&modules).context("could not make target/javascript")?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&source);
    run("fetching what makes JavaScript a component", &mut npm)?;
    for (policy, world, module) in stale {
        let mut node = Command::new("node");
        node.arg("build.mjs")
            .args([policy.as_os_str(), world.as_ref(), module.as_os_str()]);
        run("building a policy in JavaScript", node.current_dir(&source))?;
    }
    Ok(())
}

/// Builds the host. The profile `release` builds it as users run it; the profile `demo` builds it quickly.
pub(crate) fn host(profile: &str) -> anyhow::Result<()> {
    run(
        "building the host",
        cargo().args(["build", "--profile", profile, "--package", "turnout"]),
    )
}

/// Builds the host as the tests run it, and the tests. One call of cargo builds both, so that every crate is compiled once, with the same
/// features.
pub(crate) fn tests() -> anyhow::Result<()> {
    run(
        "building the host and the tests",
        cargo().args(["build", "--workspace", "--bins", "--tests", "--features", PREPARED]),
    )
}
