use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use sqlx::PgPool;
use tempfile::TempDir;
use toml_edit::{DocumentMut, Value};
use turnout_cluster::{Cluster, Options, dataset};

use crate::{Host, own, policy, postgresql, turnout};

/// The application's key.
const KEY: &str = "key-of-the-application";

/// The administrator's key.
const ADMIN_KEY: &str = "administrator-key";

/// The policies that a site begins with, by the name of their world. They are the demo's: the test phone is on `new`, everybody else on
/// `old`.
const POLICIES: [(&str, &str); 2] = [
    ("routing", include_str!("../../host/cli/src/command/demo/routing.toml")),
    (
        "dual-write",
        include_str!("../../host/cli/src/command/demo/dual-write.toml"),
    ),
];

/// Two clusters with the bookings dataset, and a folder with the configuration and the policies for their hosts. Dropping it removes all of
/// these.
pub struct Site {
    /// The cluster of the backend `old`.
    pub old: Cluster,
    /// The cluster of the backend `new`.
    pub new: Cluster,
    folder: TempDir,
}

impl Site {
    /// The application's key.
    pub const KEY: &str = KEY;

    /// The administrator's key.
    pub const ADMIN_KEY: &str = ADMIN_KEY;

    /// Starts and fills both clusters.
    ///
    /// # Errors
    /// If a cluster can't be started or filled.
    pub async fn set_up() -> Result<Self> {
        Self::set_up_with([Options::default(), Options::default()]).await
    }

    /// The same, with `old` and `new` of these versions of PostgreSQL.
    ///
    /// # Errors
    /// If a cluster can't be started or filled.
    pub async fn set_up_on(versions: [u32; 2]) -> Result<Self> {
        Self::set_up_with(versions.map(|version| Options {
            binaries: Some(postgresql(version)),
            ..Options::default()
        }))
        .await
    }

    /// The same, with clusters whose commits reach the disk.
    ///
    /// # Errors
    /// If a cluster can't be started or filled.
    pub async fn set_up_durable() -> Result<Self> {
        let options = Options {
            durable: true,
            ..Options::default()
        };
        Self::set_up_with([options.clone(), options]).await
    }

    async fn set_up_with([old, new]: [Options; 2]) -> Result<Self> {
        let (old, new) = tokio::try_join!(Cluster::start(old), Cluster::start(new))?;
        own::note_url(old.url())?;
        own::note_url(new.url())?;
        tokio::try_join!(dataset::load(old.url()), dataset::load(new.url()))?;
        let site = Self {
            old,
            new,
            folder: TempDir::new()?,
        };
        std::fs::create_dir(site.policies())?;
        for (world, settings) in POLICIES {
            std::fs::copy(policy(world), site.policies().join(format!("{world}.wasm")))?;
            site.put(&format!("{world}.toml"), settings)?;
        }
        site.configure(&[])?;
        for side in ["old", "new"] {
            site.turnout(&["install", side])?;
        }
        Ok(site)
    }

    /// Writes the configuration: the demo's, with each of these keys set to its value, such as `("api.request_timeout", "'300ms'")`. A
    /// running host does not notice.
    ///
    /// # Errors
    /// If a value is not TOML, a database is not one that this process started, or the file can't be written.
    pub fn configure(&self, changes: &[(&str, &str)]) -> Result<()> {
        let mut config: DocumentMut = include_str!("../../host/cli/src/command/demo/turnout.toml")
            .replace("{listen}", "127.0.0.1:0")
            .replace("{key}", KEY)
            .replace("{admin_key}", ADMIN_KEY)
            .replace("{old}", self.old.url())
            .replace("{new}", self.new.url())
            .parse()?;
        for (path, value) in changes {
            let mut item = config.as_item_mut();
            for key in path.split('.') {
                item = &mut item[key];
            }
            *item = value.parse::<Value>()?.into();
        }
        for side in ["old", "new"] {
            own::check(config["backends"][side]["url"].as_str().unwrap_or_default())?;
        }
        std::fs::write(self.config(), config.to_string())?;
        // The file holds keys.
        Ok(std::fs::set_permissions(self.config(), Permissions::from_mode(0o600))?)
    }

    /// Replaces the routing settings.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn route(&self, settings: &str) -> Result<()> {
        self.put("routing.toml", settings)
    }

    /// Replaces a file of the policies as an editor does: a new file is renamed over the old one.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn put(&self, file: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let draft = self.folder.path().join(format!("{file}.draft"));
        std::fs::write(&draft, content)?;
        Ok(std::fs::rename(draft, self.policies().join(file))?)
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("turnout.toml")
    }

    /// The directory of the policies.
    #[must_use]
    pub fn policies(&self) -> PathBuf {
        self.folder.path().join("policies")
    }

    /// The folder that holds the configuration and the policies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command of the `turnout` program with the configuration of this site. Returns whether it succeeded, its standard output and
    /// its standard error.
    ///
    /// # Errors
    /// If the command can't be run, or its output is not UTF-8.
    pub fn said(&self, arguments: &[&str]) -> Result<(bool, String, String)> {
        let output = turnout().arg("--config").arg(self.config()).args(arguments).output()?;
        Ok((
            output.status.success(),
            String::from_utf8(output.stdout)?,
            String::from_utf8(output.stderr)?,
        ))
    }

    /// Runs a command that must succeed, and returns its standard output.
    ///
    /// # Errors
    /// If the command fails. The error holds its output.
    pub fn turnout(&self, arguments: &[&str]) -> Result<String> {
        let (succeeded, out, err) = self.said(arguments)?;
        ensure!(succeeded, "turnout {arguments:?}: {out}{err}");
        Ok(out)
    }

    /// Connections to the databases `old` and `new` that do not pass through Turnout.
    ///
    /// # Errors
    /// If a database can't be reached.
    pub async fn databases(&self) -> Result<(PgPool, PgPool)> {
        Ok(tokio::try_join!(
            PgPool::connect(self.old.url()),
            PgPool::connect(self.new.url())
        )?)
    }

    /// Starts a host on this site and waits until it serves.
    ///
    /// # Errors
    /// If the host ends instead.
    pub async fn host(&self) -> Result<Host> {
        Host::start(&self.config(), &[]).await
    }
}
