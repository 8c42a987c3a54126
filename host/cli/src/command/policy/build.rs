use std::env;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Deserialize;
use turnout_policies::File;

use super::file;
use super::fitting::FittingModule;

const TARGET: &str = "wasm32-unknown-unknown";

/// How policies are compiled, whatever the crate or its workspace says: what a policy weighs is what a reload compiles; its
/// stack is what a fresh instance must make, and where its heap is too small from the start, the memory of each must grow.
const PROFILE: [&str; 6] = [
    r#"profile.policy.inherits="release""#,
    "profile.policy.lto=true",
    "profile.policy.codegen-units=1",
    r#"profile.policy.strip="symbols""#,
    r#"profile.policy.panic="abort""#,
    r#"target.wasm32-unknown-unknown.rustflags=["-Clink-arg=-zstack-size=65536", "-Clink-arg=--initial-heap=131072"]"#,
];

#[derive(Args)]
pub(crate) struct Build {
    /// The folder of the policy
    #[arg(default_value = ".", value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn run(arguments: &Build) -> Result<()> {
    let component = component(&arguments.folder)?;
    let module = FittingModule::load(&component.path, &component.content)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "world         {}", module.world())?;
    writeln!(out, "file          {}", component.path.display())?;
    writeln!(out, "size          {} bytes", component.content.len())?;
    writeln!(out, "sha-256       {}", component.digest)?;
    Ok(())
}

/// Builds the policy of a folder, and puts the component into it.
pub(super) fn component(folder: &Path) -> Result<File> {
    let manifest = folder.join("Cargo.toml");
    let manifest = manifest
        .canonicalize()
        .with_context(|| format!("there is no crate at {}", manifest.display()))?;
    ensure_target(folder)?;
    let core = compile(folder, &manifest)?;
    let module = file::bytes(&core)?;
    let component = turnout_runtime::component(&module)
        .with_context(|| format!("{} is no policy", core.display()))?
        .into_owned();
    let name = core.file_stem().unwrap_or_default().to_string_lossy().replace('_', "-");
    let path = folder.join(name).with_extension("wasm");
    std::fs::write(&path, &component).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(File::new(path, component))
}

/// Makes sure that the Rust of this folder compiles to WebAssembly.
fn ensure_target(folder: &Path) -> Result<()> {
    let rustc = || Command::new(named("RUSTC", "rustc"));
    let output = rustc()
        .current_dir(folder)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .context("there is no Rust compiler; install Rust from https://rustup.rs")?;
    if Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir() {
        return Ok(());
    }
    let added = Command::new("rustup")
        .current_dir(folder)
        .args(["target", "add", TARGET])
        .status();
    ensure!(
        added.is_ok_and(|status| status.success()),
        "this Rust does not compile to {TARGET}; add it with `rustup target add {TARGET}`, or, if your Rust is not from \
         rustup, install the package of your system that holds it"
    );
    Ok(())
}

/// What cargo says of a file that it made.
#[derive(Deserialize)]
struct Artifact {
    manifest_path: PathBuf,
    filenames: Vec<PathBuf>,
}

/// Compiles the crate; the file is a core module. What the compiler has to say goes to standard error.
fn compile(folder: &Path, manifest: &Path) -> Result<PathBuf> {
    let mut cargo = Command::new(named("CARGO", "cargo"));
    cargo
        .current_dir(folder)
        .args(["build", "--lib", "--target", TARGET, "--profile", "policy"])
        .arg("--message-format=json-render-diagnostics");
    for option in PROFILE {
        cargo.args(["--config", option]);
    }
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    ensure!(
        output.status.success(),
        "the policy in {} does not compile",
        folder.display()
    );
    let module = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Artifact>(line).ok())
        .filter(|artifact| artifact.manifest_path == manifest)
        .flat_map(|artifact| artifact.filenames)
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"));
    match module {
        Some(module) => Ok(module),
        None => bail!(
            "{} makes no module; write crate-type = [\"cdylib\"] under [lib]",
            manifest.display()
        ),
    }
}

/// A tool of Rust, where the environment names another.
fn named(variable: &str, tool: &str) -> OsString {
    env::var_os(variable).unwrap_or_else(|| tool.into())
}
