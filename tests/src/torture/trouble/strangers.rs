use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use sha2::{Digest, Sha256};

use crate::torture::calm;
use crate::torture::verdict::RECOVERY;
use crate::torture::world::World;
use crate::{Host, Site};

/// How long a host may take to start or to end, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The configurations of hosts that are started with other files than the rest.
pub(crate) struct Strangers {
    other_description: PathBuf,
    old_directory: PathBuf,
    /// The routing settings in the directory of the old policies.
    first_routing: PathBuf,
}

impl Strangers {
    /// Copies what a site begins with: its policies, and its configuration with one line altered.
    pub(crate) fn of(site: &Site) -> Result<Self> {
        let config = fs::read_to_string(site.config())?;
        let policies = site.folder().join("last-month");
        fs::create_dir(&policies)?;
        for file in fs::read_dir(site.policies())? {
            let file = file?;
            fs::copy(file.path(), policies.join(file.file_name()))?;
        }
        let altered = |name: &str, line: &str, other: &str| -> Result<PathBuf> {
            let path = site.folder().join(name);
            let altered = config.replacen(line, other, 1);
            ensure!(altered != config, "the configuration has no line {line}");
            fs::write(&path, altered)?;
            Ok(path)
        };
        Ok(Self {
            other_description: altered("other.toml", "subject = \"user_id\"\n", "")?,
            old_directory: altered("old.toml", "directory = \"policies\"", "directory = \"last-month\"")?,
            first_routing: policies.join("routing.toml"),
        })
    }

    /// Starts a host that describes the site otherwise. It must end, or wait for a database, without having served.
    pub(super) async fn with_other_description(&self, world: &World) -> Result<()> {
        let host = tokio::time::timeout(PATIENCE, Host::start(&self.other_description, &[])).await;
        if let Ok(Ok(host)) = host {
            world.surprised_by(format!(
                "a host that describes the site otherwise serves: {}",
                host.log()
            ));
        }
        Ok(())
    }

    /// Starts a host with the first policies in its directory. It must follow the others, and must not bring its policies back.
    pub(super) async fn with_old_directory(&self, world: &World) -> Result<()> {
        let Some(_standing) = world.standing(PATIENCE).await else {
            return Ok(());
        };
        let first = hex::encode(Sha256::digest(fs::read(&self.first_routing)?));
        let in_force = async || {
            let status = calm::status(world, 0).await?;
            Some(status["routing"]["settings"] == *first)
        };
        let Some(was_in_force) = calm::within(PATIENCE, in_force).await else {
            return Ok(());
        };
        let Ok(Ok(stranger)) = tokio::time::timeout(PATIENCE, Host::start(&self.old_directory, &[])).await else {
            return Ok(());
        };
        let followed = calm::within(RECOVERY, async || {
            let own = calm::status_at(world, stranger.address()).await?;
            let others = calm::status(world, 0).await?;
            let is_same = |what: &str| own.pointer(what) == others.pointer(what);
            (is_same("/epoch") && is_same("/routing/settings")).then_some(())
        });
        if followed.await.is_none() {
            world.surprised_by("a host with an old directory does not follow the others".into());
        }
        if !was_in_force && calm::within(RECOVERY, in_force).await == Some(true) {
            world.surprised_by("a host with an old directory has brought its policies back".into());
        }
        Ok(())
    }
}
