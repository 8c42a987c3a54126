use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use tempfile::TempDir;
use uuid::Uuid;

const CONFIG: &str = include_str!("turnout.toml");

/// The settings of the policies, by the name of their world.
const POLICIES: [(&str, &str); 2] = [
    ("routing", include_str!("routing.toml")),
    ("dual-write", include_str!("dual-write.toml")),
];

/// The configuration and the settings of the policies of the demo, for the user to edit. Dropping this removes the files.
pub(crate) struct Files {
    folder: TempDir,
    pub(crate) api_key: String,
    pub(crate) admin_key: String,
}

impl Files {
    /// Writes the files for a host that listens at `listen` and moves `old` to `new` by the built-in policies.
    pub(crate) fn write(listen: SocketAddr, old: &str, new: &str) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("turnout-demo-")
            // The configuration holds keys and passwords.
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .context("cannot make a folder for the demo")?;
        let files = Self {
            folder,
            api_key: key(),
            admin_key: key(),
        };
        let config = CONFIG
            .replace("{listen}", &listen.to_string())
            .replace("{key}", &files.api_key)
            .replace("{admin_key}", &files.admin_key)
            .replace("{old}", old)
            .replace("{new}", new);
        let policies = files.policies();
        std::fs::create_dir(&policies)
            .and_then(|()| std::fs::write(files.config(), config))
            .and_then(|()| std::fs::set_permissions(files.config(), Permissions::from_mode(0o600)))
            .with_context(|| format!("cannot write the demo's files into {}", files.folder.path().display()))?;
        for (world, settings) in POLICIES {
            let path = policies.join(format!("{world}.toml"));
            std::fs::write(&path, settings).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(files)
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("turnout.toml")
    }

    /// The directory of the policies.
    pub(crate) fn policies(&self) -> PathBuf {
        self.folder.path().join("policies")
    }
}

/// A key of 122 random bits.
fn key() -> String {
    Uuid::new_v4().simple().to_string()
}
