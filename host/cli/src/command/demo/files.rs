use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use uuid::Uuid;

const CONFIG: &str = include_str!("turnout.toml");

/// The settings of the policies, by the name of their world.
const POLICIES: [(&str, &str); 2] = [
    ("routing", include_str!("routing.toml")),
    ("dual-write", include_str!("dual-write.toml")),
];

/// The demo's own copies of what a deployment keeps: the configuration and the policies, for the user to edit. They
/// go when this is dropped.
pub(crate) struct Files {
    folder: TempDir,
    pub(crate) api_key: String,
    pub(crate) admin_key: String,
}

impl Files {
    /// Writes them for a host that listens at `listen` and moves `old` to `new`, with the policies that were built into a
    /// folder.
    pub(crate) fn write(listen: SocketAddr, old: &str, new: &str, built: &Path) -> Result<Self> {
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
            let module = module(built, world);
            std::fs::write(policies.join(format!("{world}.toml")), settings)
                .and_then(|()| std::fs::copy(&module, policies.join(format!("{world}.wasm"))))
                .with_context(|| format!("cannot copy the {world} policy {}", module.display()))?;
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

/// A key that nobody guesses: 122 random bits.
fn key() -> String {
    Uuid::new_v4().simple().to_string()
}

/// The folder of the policies, if all are there: the one named, or else the one that `cargo xtask demo` builds them into,
/// beside the one that it builds the host into.
pub(crate) fn built_policies(named: Option<PathBuf>) -> Result<PathBuf> {
    let folder = if let Some(folder) = named {
        folder
    } else {
        let host = std::env::current_exe().context("cannot find the turnout program's own path")?;
        let target = host.parent().and_then(Path::parent).unwrap_or_else(|| Path::new("."));
        target.join("wasm32-unknown-unknown/policy")
    };
    for (world, _) in POLICIES {
        let module = module(&folder, world);
        ensure!(
            module.exists(),
            "there is no {world} policy at {}; build it with `cargo xtask demo`, or name its folder with --policies-from",
            module.display()
        );
    }
    Ok(folder)
}

/// The module that cargo writes for the policy of a world.
fn module(folder: &Path, world: &str) -> PathBuf {
    folder.join(format!("turnout_{}.wasm", world.replace('-', "_")))
}
