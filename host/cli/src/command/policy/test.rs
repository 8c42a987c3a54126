mod cases;
mod decide;
mod difference;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use turnout_pipeline::File;

use super::fitting::FittingModule;
use super::{build, file};
use cases::Cases;

#[derive(Args)]
pub(crate) struct Test {
    /// The folder of the policy, which is built first, or a built module
    #[arg(default_value = ".", value_name = "DIR or FILE.wasm")]
    policy: PathBuf,
    /// The cases [default: cases.toml in the folder of the policy]
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
}

pub(super) fn run(arguments: &Test) -> Result<()> {
    let path = &arguments.policy;
    let folder = if path.is_dir() {
        path.clone()
    } else {
        path.with_file_name("")
    };
    let file = arguments.cases.clone().unwrap_or_else(|| folder.join("cases.toml"));
    let cases = Cases::read(&file)?;
    let built = if path.is_dir() {
        build::component(path)?
    } else {
        File::new(path, file::bytes(path)?)
    };
    let policy = cases.configure(&FittingModule::load(&built.path, &built.content)?)?;

    let mut out = std::io::stdout().lock();
    let mut wrong = 0;
    for case in cases.iter() {
        let differences = decide::differences(&policy, case, &cases)
            .with_context(|| format!("{}: the case `{}`", file.display(), case.name))?;
        let word = if differences.is_empty() { "ok   " } else { "wrong" };
        writeln!(out, "{word}  {}", case.name)?;
        for difference in &differences {
            writeln!(out, "         {difference}")?;
        }
        wrong += usize::from(!differences.is_empty());
    }
    let all = cases.iter().len();
    ensure!(all > 0, "{} holds no [[case]]", file.display());
    if wrong > 0 {
        bail!("{wrong} of {all} cases went wrong");
    }
    writeln!(out, "all {all} cases are as they should be")?;
    Ok(())
}
