use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::step;

// The demo and the tests look for PostgreSQL with the very same file.
#[path = "../../../host/cluster/src/binaries.rs"]
mod binaries;

/// Where Debian's packages look for how to make the cluster `main` that nobody here needs.
const CLUSTER_SETTINGS: &str = "/etc/postgresql-common/createcluster.d";

pub(super) fn ensure() -> anyhow::Result<()> {
    if binaries::find().is_some() {
        return Ok(());
    }
    if !step::succeeds("apt-get", &["--version"]) || !is_root()? {
        bail!(
            "PostgreSQL's server programs (initdb, postgres) are missing. Install them and run this again: \
             `sudo apt-get install postgresql` on Debian and Ubuntu, `sudo dnf install postgresql-server` on Fedora"
        );
    }
    step::run("fetching the list of packages", apt_get().arg("update"))?;
    let settings = Path::new(CLUSTER_SETTINGS).join("turnout-xtask.conf");
    fs::create_dir_all(CLUSTER_SETTINGS)
        .and_then(|()| fs::write(&settings, "create_main_cluster = off\n"))
        .with_context(|| format!("could not write {}", settings.display()))?;
    let installed = step::run(
        "installing PostgreSQL",
        apt_get().args(["install", "--yes", "--no-install-recommends", "postgresql"]),
    );
    // Later installations on this machine are none of our business.
    fs::remove_file(&settings).with_context(|| format!("could not remove {}", settings.display()))?;
    installed
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("--quiet").env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Whether this process is root's: its own entry in `/proc` is its user's.
fn is_root() -> anyhow::Result<bool> {
    Ok(fs::metadata("/proc/self").context("could not read /proc/self")?.uid() == 0)
}
