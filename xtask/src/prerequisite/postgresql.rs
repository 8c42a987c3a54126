use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use super::apt;

// The same file finds PostgreSQL for the demo and the tests.
#[path = "../../../host/cluster/src/binaries.rs"]
mod binaries;

/// Where Debian's packages read whether to make the cluster `main` at installation. The project does not need that cluster.
const CLUSTER_SETTINGS: &str = "/etc/postgresql-common/createcluster.d";

pub(super) fn ensure() -> anyhow::Result<()> {
    if binaries::find().is_some() {
        return Ok(());
    }
    if !apt::usable()? {
        bail!(
            "PostgreSQL's server programs (initdb, postgres) are missing. Install them and run this again: \
             `sudo apt-get install postgresql` on Debian and Ubuntu, `sudo dnf install postgresql-server` on Fedora"
        );
    }
    let settings = Path::new(CLUSTER_SETTINGS).join("turnout-xtask.conf");
    fs::create_dir_all(CLUSTER_SETTINGS)
        .and_then(|()| fs::write(&settings, "create_main_cluster = off\n"))
        .with_context(|| format!("could not write {}", settings.display()))?;
    let installed = apt::install("PostgreSQL", &["postgresql"]);
    // The setting must not affect later installations on this machine.
    fs::remove_file(&settings).with_context(|| format!("could not remove {}", settings.display()))?;
    installed
}
