mod python;

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

/// The policy in JavaScript.
const JAVASCRIPT: [(&str, &str); 5] = [
    ("moved.js", include_str!("../../../../../plugins/javascript/moved.js")),
    ("build.mjs", include_str!("../../../../../plugins/javascript/build.mjs")),
    (
        "cases.toml",
        include_str!("../../../../../plugins/javascript/cases.toml"),
    ),
    (
        "package.json",
        include_str!("../../../../../plugins/javascript/package.json"),
    ),
    (
        "package-lock.json",
        include_str!("../../../../../plugins/javascript/package-lock.json"),
    ),
];

#[derive(Args)]
pub(crate) struct New {
    /// The folder to write; its name is the policy's
    #[arg(value_name = "NAME")]
    folder: PathBuf,
    /// What it decides
    #[arg(long)]
    world: World,
    /// The language that it is written in: the template in JavaScript is of the world `routing`, the one in Python of `dual-write`;
    /// for any other language see `turnout policy wit`
    #[arg(long, default_value = "rust")]
    language: Language,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    /// A crate, with the SDK
    Rust,
    /// A module, and a script that makes a component of it
    Js,
    /// A module that componentize-py makes a component of
    Python,
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
        "{} holds the package turnout:policy with the worlds routing and dual-write",
        folder.display()
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

#[derive(Clone, Copy, ValueEnum)]
enum World {
    /// Who is written and who is read
    Routing,
    /// How writes reach the other side, and who hears of it
    DualWrite,
}

pub(super) fn run(
    New {
        folder,
        world,
        language,
    }: &New,
) -> Result<()> {
    let name = name(folder)?;
    let policy = folder.display();
    match (language, world) {
        (Language::Rust, _) => make(folder, |folder| write(folder, name, *world))?,
        (Language::Js, World::DualWrite) => {
            bail!(
                "there is no template of the world dual-write in JavaScript; `turnout policy wit` writes what such a policy exports"
            )
        }
        (Language::Python, World::Routing) => bail!(
            "componentize-py can't build the world routing, whose export `read` has the name of a function of its libc; write it in \
             Rust or JavaScript"
        ),
        (Language::Python, World::DualWrite) => {
            make(folder, python::write)?;
            writeln!(
                std::io::stdout().lock(),
                "{policy}/waits.py decides, settings.toml is what its users write, cases.toml is what it should decide.\n\
                 Such a policy imports WASI and is large: turnout.toml needs policies.wasi = true and policies.module_kib = 32768.\n\
                 Next:\n  \
                 cd {policy} && python3 -m venv venv && venv/bin/pip install -r requirements.txt\n  \
                 venv/bin/componentize-py -d wit -w dual-write componentize waits -o {name}.wasm\n  \
                 turnout policy test {name}.wasm"
            )?;
            return Ok(());
        }
        (Language::Js, World::Routing) => {
            make(folder, write_javascript)?;
            writeln!(
                std::io::stdout().lock(),
                "{policy}/moved.js decides, cases.toml is what it should decide.\n\
                 Next:\n  \
                 cd {policy} && npm ci && node build.mjs {name}.wasm\n  \
                 turnout policy test {policy}/{name}.wasm"
            )?;
            return Ok(());
        }
    }
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

/// The policy of `plugins/javascript`, with the WIT package beside it instead of above.
fn write_javascript(folder: &Path) -> Result<()> {
    for (file, content) in JAVASCRIPT {
        fs::write(folder.join(file), content.replace("'../../wit'", "'./wit'"))?;
    }
    fs::write(folder.join(".gitignore"), "/node_modules\n/*.wasm\n")?;
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
