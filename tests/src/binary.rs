use std::path::{Path, PathBuf};
use std::process::Command;

/// The `turnout` program that `cargo xtask test` built. Variables that turnout reads are removed from its environment.
///
/// # Panics
/// If the program is not built.
#[must_use]
pub fn turnout() -> Command {
    let program = built("turnout");
    assert!(
        program.exists(),
        "{} is not built; run `cargo xtask test`",
        program.display()
    );
    let mut command = Command::new(program);
    for variable in [
        "CONFIG",
        "LOG",
        "API_KEY",
        "ADMIN_KEY",
        "METRICS_KEY",
        "OLD_URL",
        "NEW_URL",
    ] {
        command.env_remove(format!("TURNOUT_{variable}"));
    }
    command
}

/// A policy module that `cargo xtask test` built, by the name of its world.
///
/// # Panics
/// If the module is not built.
#[must_use]
pub fn policy(world: &str) -> PathBuf {
    let name = world.replace('-', "_");
    let module = built("").join(format!("../wasm32-unknown-unknown/policy/turnout_{name}.wasm"));
    assert!(
        module.exists(),
        "{} is not built; run `cargo xtask test`",
        module.display()
    );
    module
}

/// A policy in JavaScript that `cargo xtask test` built, by the name of its file.
///
/// # Panics
/// If the policy is not built.
#[must_use]
pub fn policy_in_javascript(name: &str) -> PathBuf {
    let module = built("").join(format!("../javascript/{name}.wasm"));
    assert!(
        module.exists(),
        "{} is not built; run `cargo xtask test javascript`",
        module.display()
    );
    module
}

/// The folder of PostgreSQL's server programs of this major version, which `cargo xtask test` fetched.
///
/// # Panics
/// If they are not fetched.
#[must_use]
pub fn postgresql(version: u32) -> PathBuf {
    let folder = built("").join(format!("../postgresql/node_modules/postgresql-{version}/native/bin"));
    assert!(
        folder.exists(),
        "{} is not fetched; run `cargo xtask test postgresql`",
        folder.display()
    );
    folder
}

/// The folder of Supabase's client, which `cargo xtask test` fetched.
///
/// # Panics
/// If it is not fetched.
#[must_use]
pub fn supabase_js() -> PathBuf {
    let folder = built("").join("../supabase_js");
    assert!(
        folder.join("node_modules").exists(),
        "{} is not fetched; run `cargo xtask test supabase_js`",
        folder.display()
    );
    folder
}

/// The folder of Supabase's light server, which `cargo xtask bench` fetched.
///
/// # Panics
/// If it is not fetched.
#[must_use]
pub fn supabase_lite() -> PathBuf {
    let folder = built("").join("../supabase_lite");
    assert!(
        folder.join("node_modules").exists(),
        "{} is not fetched; run `cargo xtask bench --bench lookup`",
        folder.display()
    );
    folder
}

/// A file beside the programs of this build. A test program is in the folder `deps` beside them.
fn built(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    let tests = this
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "deps"));
    let profile = tests.unwrap_or(&this).parent();
    profile.unwrap_or(Path::new(".")).join(name)
}
