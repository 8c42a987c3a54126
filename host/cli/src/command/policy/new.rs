use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use include_dir::{Dir, include_dir};
use toml::{Table, Value};

/// What a new crate is made of.
static ROUTING: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/command/policy/template/routing");
static DUAL_WRITE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/command/policy/template/dual-write");
const CRATE: &str = include_str!("template/crate.toml");

/// The SDK with what it is built from, in the places of this repository: its bindings are generated from `../../wit`.
static SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../plugins/sdk");
static WIT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../wit");
const WORKSPACE: &str = include_str!("../../../../../Cargo.toml");

/// The versions that this program was built and tested with; cargo takes what it needs of them.
const LOCK: &str = include_str!("../../../../../Cargo.lock");

#[derive(Args)]
pub(crate) struct New {
    /// The folder to write; its name is the policy's
    #[arg(value_name = "NAME")]
    folder: PathBuf,
    /// What it decides
    #[arg(long)]
    world: World,
}

#[derive(Clone, Copy, ValueEnum)]
enum World {
    /// Who is written and who is read
    Routing,
    /// How writes reach the other side, and who hears of it
    DualWrite,
}

pub(super) fn run(New { folder, world }: &New) -> Result<()> {
    let name = name(folder)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} is there already; choose another name", folder.display())
        }
        made => made
            .map_err(Into::into)
            .and_then(|()| write(folder, name, *world))
            .with_context(|| format!("cannot write {}", folder.display()))?,
    }
    let policy = folder.display();
    writeln!(
        std::io::stdout().lock(),
        "{policy}/src/lib.rs decides, settings.toml is what its users write, cases.toml is what it should decide.\n\
         Next:\n  \
         turnout policy test {policy}\n  \
         turnout policy build {policy}\n  \
         turnout policy check {policy}/{name}.wasm --settings {policy}/settings.toml"
    )?;
    Ok(())
}

/// The name of the policy, if cargo takes it for a crate.
fn name(folder: &Path) -> Result<&str> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let good = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if good {
        Ok(name)
    } else {
        bail!("a policy cannot be called {name:?}; use the letters a to z, digits and `-`, a letter first")
    }
}

fn write(folder: &Path, name: &str, world: World) -> Result<()> {
    let template = match world {
        World::Routing => &ROUTING,
        World::DualWrite => &DUAL_WRITE,
    };
    template.extract(folder)?;
    fs::write(folder.join("Cargo.toml"), CRATE.replace("{name}", name))?;
    fs::write(folder.join("Cargo.lock"), LOCK)?;
    fs::write(folder.join(".gitignore"), "/target\n/*.wasm\n")?;

    let turnout = folder.join("turnout");
    for (part, files) in [("plugins/sdk", &SDK), ("wit", &WIT)] {
        let part = turnout.join(part);
        fs::create_dir_all(&part)?;
        files.extract(part)?;
    }
    fs::write(turnout.join("Cargo.toml"), workspace()?)?;
    Ok(())
}

/// The manifest of this repository, with what the SDK takes from it alone.
fn workspace() -> Result<String> {
    let sdk = SDK.get_file("Cargo.toml").and_then(|file| file.contents_utf8());
    let sdk = sdk.context("this program was built without the SDK")?;
    let mut manifest: Table = WORKSPACE.parse()?;
    manifest.retain(|section, _| section == "workspace");
    let workspace = manifest.get_mut("workspace").and_then(Value::as_table_mut);
    let workspace = workspace.context("this program was built without its workspace")?;
    workspace.retain(|key, _| ["resolver", "package", "dependencies"].contains(&key));
    workspace.insert("members".into(), vec!["plugins/sdk"].into());
    if let Some(Value::Table(dependencies)) = workspace.get_mut("dependencies") {
        dependencies.retain(|name, _| sdk.contains(&format!("\n{name}.workspace")));
    }
    Ok(toml::to_string(&manifest)?)
}
