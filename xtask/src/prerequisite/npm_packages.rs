use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::{build, step};

/// What npm is told to fetch.
const LISTS: [&str; 2] = ["package.json", "package-lock.json"];

/// Fetches the packages that the lists in `tests/<name>` name into `<target>/<name>`, unless they are there. `finish` is called with the
/// folder of the packages after they were fetched.
pub(super) fn ensure(name: &str, what: &str, finish: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let (source, folder) = (build::root().join("tests").join(name), build::target()?.join(name));
    let fetched = folder.join("fetched");
    let wanted = fs::read(source.join("package-lock.json")).with_context(|| format!("could not read tests/{name}"))?;
    if fs::read(&fetched).is_ok_and(|fetched| fetched == wanted) {
        return Ok(());
    }
    fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
    for list in LISTS {
        fs::copy(source.join(list), folder.join(list)).with_context(|| format!("could not copy {list}"))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder);
    step::run(&format!("fetching {what} for the tests"), &mut npm)?;
    finish(&folder.join("node_modules"))?;
    fs::write(&fetched, wanted).with_context(|| format!("could not write {}", fetched.display()))
}
