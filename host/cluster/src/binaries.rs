//! Finds PostgreSQL's server programs. Uses the standard library alone, because `cargo xtask` includes this file.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The folder of the newest `initdb` and `postgres`. Debian's own folders come first, then the folder that `pg_config` names, then `PATH`.
pub(crate) fn find() -> Option<PathBuf> {
    debian().or_else(pg_config).or_else(on_path)
}

/// Whether a folder holds the programs that a cluster needs.
pub(crate) fn complete(folder: &Path) -> bool {
    ["initdb", "postgres"]
        .iter()
        .all(|program| folder.join(program).is_file())
}

/// Debian keeps the programs off `PATH`, in one folder a version.
fn debian() -> Option<PathBuf> {
    let version = |folder: &Path| folder.file_name()?.to_str()?.parse::<u32>().ok();
    fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .filter_map(|entry| Some((version(&entry.path())?, entry.path().join("bin"))))
        .filter(|(_, folder)| complete(folder))
        .max()
        .map(|(_, folder)| folder)
}

fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    complete(&folder).then_some(folder)
}

fn on_path() -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).find(|folder| complete(folder))
}
