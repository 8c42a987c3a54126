use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use sqlx::PgPool;
use tempfile::TempDir;
use toml_edit::{DocumentMut, Value};
use turnout_cluster::{Cluster, Options, dataset};

use crate::{Host, policy, turnout};

/// The key of the application.
const KEY: &str = "key-of-the-application";

/// The key of the administrator.
const ADMIN_KEY: &str = "administrator-key";

/// The policies that a site begins with, by the name of their world: the demo's. The test phone is on `new`, everybody
/// else on `old`.
const POLICIES: [(&str, &str); 2] = [
    ("routing", include_str!("../../host/cli/src/command/demo/routing.toml")),
    (
        "dual-write",
        include_str!("../../host/cli/src/command/demo/dual-write.toml"),
    ),
];

/// Two clusters with the bookings dataset, and a folder with the configuration and the policies for hosts on them.
/// All of it goes when this is dropped.
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
    /// If that fails.
    pub async fn set_up() -> Result<Self> {
        Self::set_up_with(&Options::default()).await
    }

    /// The same with clusters whose commits reach the disk.
    ///
    /// # Errors
    /// If that fails.
    pub async fn set_up_durable() -> Result<Self> {
        let durable = true;
        Self::set_up_with(&Options {
            durable,
            ..Options::default()
        })
        .await
    }

    async fn set_up_with(options: &Options) -> Result<Self> {
        let (old, new) = tokio::try_join!(Cluster::start(options.clone()), Cluster::start(options.clone()))?;
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

    /// Writes the configuration: the demo's, with these keys set to these values, such as
    /// `("api.request_timeout", "'300ms'")`. A running host does not see it.
    ///
    /// # Errors
    /// If a value is no TOML, or the file can't be written.
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
        std::fs::write(self.config(), config.to_string())?;
        // It holds keys.
        Ok(std::fs::set_permissions(self.config(), Permissions::from_mode(0o600))?)
    }

    /// Puts other routing settings in place.
    ///
    /// # Errors
    /// If they can't be written.
    pub fn route(&self, settings: &str) -> Result<()> {
        self.put("routing.toml", settings)
    }

    /// Puts another file among the policies, as an editor does: a new file renamed over the old one.
    ///
    /// # Errors
    /// If it can't be written.
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

    /// The folder that holds both.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command of the program with the configuration of this site. Whether it succeeded, and what it said on
    /// standard output and standard error.
    ///
    /// # Errors
    /// If it can't be run, or says what is no text.
    pub fn said(&self, arguments: &[&str]) -> Result<(bool, String, String)> {
        let output = turnout().arg("--config").arg(self.config()).args(arguments).output()?;
        Ok((
            output.status.success(),
            String::from_utf8(output.stdout)?,
            String::from_utf8(output.stderr)?,
        ))
    }

    /// The same for a command that must succeed: what it said on standard output.
    ///
    /// # Errors
    /// If it fails; the error holds what it said.
    pub fn turnout(&self, arguments: &[&str]) -> Result<String> {
        let (succeeded, out, err) = self.said(arguments)?;
        ensure!(succeeded, "turnout {arguments:?}: {out}{err}");
        Ok(out)
    }

    /// Connections to both databases that do not pass through Turnout: `old` and `new`.
    ///
    /// # Errors
    /// If no connection can be had.
    pub async fn databases(&self) -> Result<(PgPool, PgPool)> {
        Ok(tokio::try_join!(
            PgPool::connect(self.old.url()),
            PgPool::connect(self.new.url())
        )?)
    }

    /// Starts a host here and waits until it serves.
    ///
    /// # Errors
    /// If it ends instead.
    pub async fn host(&self) -> Result<Host> {
        Host::start(&self.config(), &[]).await
    }
}
