use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use anyhow::Context;

use crate::step;

/// Whether this process may install Debian's packages: it runs as root, and `apt-get` is there.
pub(super) fn usable() -> anyhow::Result<bool> {
    // The owner of a process's entry in `/proc` is the user of the process.
    let is_root = fs::metadata("/proc/self").context("could not read /proc/self")?.uid() == 0;
    Ok(is_root && step::succeeds("apt-get", &["--version"]))
}

/// Installs packages. Messages call them `what`.
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
