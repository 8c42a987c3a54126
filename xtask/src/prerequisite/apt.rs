use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use anyhow::Context;

use crate::step;

/// Whether this process may install Debian's packages: it is root's, and there are some.
pub(super) fn usable() -> anyhow::Result<bool> {
    // Its own entry in `/proc` is its user's.
    let is_root = fs::metadata("/proc/self").context("could not read /proc/self")?.uid() == 0;
    Ok(is_root && step::succeeds("apt-get", &["--version"]))
}

/// Installs packages, called `what` in front of people.
pub(super) fn install(what: &str, packages: &[&str]) -> anyhow::Result<()> {
    step::run("fetching the list of packages", apt_get().arg("update"))?;
    step::run(
        &format!("installing {what}"),
        apt_get()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages),
    )
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("--quiet").env("DEBIAN_FRONTEND", "noninteractive");
    command
}
