use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use include_dir::{Dir, include_dir};
use toml::{Table, Value};

use super::kit::{Language, ROOMS, Room, Template};

/// The manifest of a new crate.
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
    #[arg(long, value_parser = worlds())]
    world: String,
    /// The language that it is written in: the templates in JavaScript are of the worlds `routing`, `divergence` and `safe-cleanup`, the
    /// one in Python is of `dual-write`; for any other language see `turnout policy wit`
    #[arg(long, default_value = "rust")]
    language: Language,
}

#[derive(Args)]
pub(crate) struct Wit {
    /// The folder to write; it must not be there yet
    #[arg(default_value = "wit", value_name = "DIR")]
    folder: PathBuf,
}

/// Writes the WIT package out, for authors in any language.
pub(super) fn wit(Wit { folder }: &Wit) -> Result<()> {
    make(folder, |folder| Ok(WIT.extract(folder)?))?;
    Ok(writeln!(
        std::io::stdout().lock(),
        "{} holds the package turnout:policy with the worlds {}",
        folder.display(),
        ROOMS.each_ref().map(|room| room.world).join(", ")
    )?)
}

/// Makes a folder, and fills it.
fn make(folder: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} is there already; choose another name", folder.display())
        }
        made => made
            .map_err(Into::into)
            .and_then(|()| fill(folder))
            .with_context(|| format!("cannot write {}", folder.display())),
    }
}

pub(super) fn run(
    New {
        folder,
        world,
        language,
    }: &New,
) -> Result<()> {
    let name = name(folder)?;
    let policy = folder.display().to_string();
    let room = ROOMS.iter().find(|room| room.world == world);
    let room = room.with_context(|| format!("there is no world {world}"))?;
    let next = match (room.template)(*language)? {
        Template::Crate(template) => {
            make(folder, |folder| write_crate(folder, name, template))?;
            format!(
                "{policy}/src/lib.rs decides, settings.toml is what its users write, cases.toml is what it should decide.\n\
                 Next:\n  \
                 turnout policy test {policy}\n  \
                 turnout policy build {policy}\n  \
                 turnout policy check {policy}/{name}.wasm --settings {policy}/settings.toml"
            )
        }
        Template::Files { files, ignored, next } => {
            make(folder, |folder| write_files(folder, files, ignored))?;
            next(&policy, name)
        }
    };
    Ok(writeln!(std::io::stdout().lock(), "{next}")?)
}

/// The worlds, as values of an argument.
fn worlds() -> PossibleValuesParser {
    let value = |room: &Room| PossibleValue::new(room.world).help(room.purpose);
    ROOMS.iter().map(value).collect::<Vec<_>>().into()
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

fn write_crate(folder: &Path, name: &str, template: &Dir<'_>) -> Result<()> {
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

/// The files of a policy that lies in `plugins`, with the WIT package beside it instead of above.
fn write_files(folder: &Path, files: &[(&str, &str)], ignored: &str) -> Result<()> {
    for (file, content) in files {
        fs::write(folder.join(file), content.replace("'../../wit'", "'./wit'"))?;
    }
    fs::write(folder.join(".gitignore"), ignored)?;
    let wit = folder.join("wit");
    fs::create_dir(&wit)?;
    Ok(WIT.extract(wit)?)
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
