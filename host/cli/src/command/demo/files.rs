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

/// The configuration and the policies of the demo, for the user to edit. Dropping this removes the files.
pub(crate) struct Files {
    folder: TempDir,
    pub(crate) api_key: String,
    pub(crate) admin_key: String,
}

impl Files {
    /// Writes the files for a host that listens at `listen` and moves `old` to `new`. The policies' modules are copied from the folder
    /// `built`.
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

/// A key of 122 random bits.
fn key() -> String {
    Uuid::new_v4().simple().to_string()
}

/// The folder of the policies, if it holds all of them: `named`, or else the folder beside the host's that `cargo xtask demo` builds
/// policies into.
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

/// The path of the module that cargo builds for the policy of a world.
fn module(folder: &Path, world: &str) -> PathBuf {
    folder.join(format!("turnout_{}.wasm", world.replace('-', "_")))
}
