use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use turnout_policies::Worlds;

use crate::config::Config;

#[derive(Args)]
pub(crate) struct Eject {
    /// The world, such as routing
    world: String,
    /// The folder to write to; without it the policy directory of the configuration file
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

pub(super) fn run(config: &Path, Eject { world, to }: &Eject) -> Result<()> {
    let worlds = Worlds::default();
    let built_in = worlds.built_in();
    let Some(files) = built_in.get(world) else {
        let names: Vec<_> = worlds.names().collect();
        bail!("there is no world {world:?}; the worlds are {}", names.join(", "));
    };
    let folder = match to {
        Some(folder) => folder.clone(),
        None => Config::load(config)?.policies.directory,
    };
    let settings = folder.join(format!("{world}.toml"));
    let module = folder.join(format!("{world}.wasm"));
    for path in [&settings, &module] {
        if path.symlink_metadata().is_ok() {
            bail!(
                "{} is there already and would be replaced; move it away, or name another folder with --to",
                path.display()
            );
        }
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut out = std::io::stdout().lock();
    // A host that watches the folder takes settings alone for those of the module that decides already, and a module alone for
    // a mistake.
    for (path, file) in [(&settings, &files.settings), (&module, &files.module)] {
        fs::write(path, &file.content).with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(out, "wrote {}", path.display())?;
    }
    Ok(())
}
