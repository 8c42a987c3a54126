use std::path::{Path, PathBuf};
use std::process::Command;

/// The `turnout` program as `cargo xtask test` built it. Its own variables are taken from the environment.
///
/// # Panics
/// If it is not built.
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

/// A policy module as `cargo xtask test` built it, by the name of its world.
///
/// # Panics
/// If it is not built.
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

/// The policy in JavaScript, as `cargo xtask test` built it.
///
/// # Panics
/// If it is not built.
#[must_use]
pub fn policy_in_javascript() -> PathBuf {
    let module = built("").join("../javascript/moved.wasm");
    assert!(
        module.exists(),
        "{} is not built; run `cargo xtask test javascript`",
        module.display()
    );
    module
}

/// A file beside the programs of this build. Tests lie in the folder `deps` there.
fn built(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    let tests = this
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "deps"));
    let profile = tests.unwrap_or(&this).parent();
    profile.unwrap_or(Path::new(".")).join(name)
}
