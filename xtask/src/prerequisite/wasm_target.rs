use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::step;

/// The target that policies are compiled for.
const TARGET: &str = "wasm32-unknown-unknown";

pub(super) fn ensure() -> anyhow::Result<()> {
    if installed()? {
        return Ok(());
    }
    if !step::succeeds("rustup", &["--version"]) {
        bail!(
            "Rust's {TARGET} target is missing, and so is rustup, which installs it. Install rustup (https://rustup.rs), \
             or your system's package for that target (Debian: libstd-rust-dev-wasm32), and run this again"
        );
    }
    // In this folder rustup adds the target to the toolchain that rust-toolchain.toml names.
    step::run(
        &format!("installing Rust's {TARGET} target"),
        Command::new("rustup").args(["target", "add", TARGET]),
    )
}

fn installed() -> anyhow::Result<bool> {
    let arguments = ["--print", "target-libdir", "--target", TARGET];
    let output = Command::new("rustc")
        .args(arguments)
        .output()
        .context("could not start rustc")?;
    ensure!(output.status.success(), "rustc does not know the target {TARGET}");
    Ok(Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}
