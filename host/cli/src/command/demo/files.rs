use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;
use uuid::Uuid;

const CONFIG: &str = include_str!("turnout.toml");
const ROUTING: &str = include_str!("routing.toml");

/// The demo's own copies of what a deployment keeps: the configuration and the policies, for the user to edit. They
/// go when this is dropped.
pub(crate) struct Files {
    folder: TempDir,
    pub(crate) api_key: String,
    pub(crate) admin_key: String,
}

impl Files {
    /// Writes them for a host that listens at `listen` and moves `old` to `new`.
    pub(crate) fn write(listen: SocketAddr, old: &str, new: &str, routing: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("turnout-demo-")
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
            .and_then(|()| std::fs::write(policies.join("routing.toml"), ROUTING))
            .with_context(|| format!("cannot write the demo's files into {}", files.folder.path().display()))?;
        std::fs::copy(routing, policies.join("routing.wasm")).with_context(|| {
            format!(
                "cannot copy the routing policy {}; build it with `cargo xtask demo`",
                routing.display()
            )
        })?;
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

/// A key that nobody guesses: 122 random bits.
fn key() -> String {
    Uuid::new_v4().simple().to_string()
}

/// The folder that `cargo xtask demo` builds the policies into, beside the one that it builds the host into.
pub(crate) fn built_policies() -> Result<PathBuf> {
    let host = std::env::current_exe().context("cannot find the turnout program's own path")?;
    let target = host.parent().and_then(Path::parent).unwrap_or_else(|| Path::new("."));
    Ok(target.join("wasm32-unknown-unknown/policy"))
}
