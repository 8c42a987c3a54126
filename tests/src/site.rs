use std::path::{Path, PathBuf};

use anyhow::Result;
use sqlx::PgPool;
use tempfile::TempDir;
use toml_edit::{DocumentMut, Value};
use turnout_cluster::{Cluster, Options, dataset};

use crate::{Host, policy};

/// The key of the application.
const KEY: &str = "application-key";

/// The key of the administrator.
const ADMIN_KEY: &str = "administrator-key";

/// The routing settings that a site begins with: the test phone on `new`, everybody else on `old`.
const ROUTING: &str = include_str!("../../host/cli/src/command/demo/routing.toml");

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
        let (old, new) = tokio::try_join!(Cluster::start(Options::default()), Cluster::start(Options::default()))?;
        tokio::try_join!(dataset::load(old.url()), dataset::load(new.url()))?;
        let site = Self {
            old,
            new,
            folder: TempDir::new()?,
        };
        std::fs::create_dir(site.policies())?;
        std::fs::copy(policy("routing"), site.policies().join("routing.wasm"))?;
        site.route(ROUTING)?;
        site.configure(&[])?;
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
        Ok(std::fs::write(self.config(), config.to_string())?)
    }

    /// Puts other routing settings in place, as an editor does: a new file renamed over the old one.
    ///
    /// # Errors
    /// If they can't be written.
    pub fn route(&self, settings: &str) -> Result<()> {
        let draft = self.folder.path().join("routing.toml.draft");
        std::fs::write(&draft, settings)?;
        Ok(std::fs::rename(draft, self.policies().join("routing.toml"))?)
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
