mod cases;
mod difference;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use turnout_policies::File;

use super::fitting::{FittingModule, FittingPolicy};
use super::{build, file};
use crate::config::Config;
use cases::{Case, Cases};

#[derive(Args)]
pub(crate) struct Test {
    /// The folder of the policy, which is built first, or a built module
    #[arg(default_value = ".", value_name = "DIR or FILE.wasm")]
    policy: PathBuf,
    /// The cases [default: cases.toml in the folder of the policy]
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
}

pub(super) fn run(config: &Path, arguments: &Test) -> Result<()> {
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
    let limits = Config::policy_limits(config)?.unwrap_or_default();
    let module = FittingModule::load_within(&built.path, &built.content, &limits)?;
    // Where every case has settings of its own there need be no others.
    let shared = cases.share_settings().then(|| cases.configure(&module)).transpose()?;

    let mut out = std::io::stdout().lock();
    let mut wrong = 0;
    for (index, case) in cases.iter().enumerate() {
        let own = cases.configure_for(index, &module);
        let place = || format!("{}: the case `{}`", file.display(), case.name);
        let differences = if let Some(words) = &case.refused {
            not_refused(
                own.context("`refused` needs `settings` in the same case")
                    .with_context(place)?,
                words,
            )
        } else {
            let decided = match own {
                Some(own) => differences(&own.with_context(place)?, case, &cases),
                None => differences(shared.as_ref().context("no settings for it")?, case, &cases),
            };
            decided.with_context(place)?
        };
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

/// What is wrong with settings that are to be refused with these words.
fn not_refused(configured: Result<FittingPolicy>, words: &str) -> Vec<String> {
    match configured {
        Ok(_) => vec![format!("settings: expected a refusal that says {words:?}, accepted")],
        Err(error) if format!("{error:#}").contains(words) => Vec::new(),
        Err(error) => vec![format!(
            "settings: expected a refusal that says {words:?}, refused: {error:#}"
        )],
    }
}

/// Where a policy's decisions differ from those of a case. Only the functions that the case names are asked.
fn differences(policy: &FittingPolicy, case: &Case, cases: &Cases) -> Result<Vec<String>> {
    ensure!(!case.decision.is_empty(), "its `decision` is empty");
    let question = cases.question(case);
    let mut differences = Vec::new();
    for (function, expected) in &case.decision {
        match policy.decide(function, &question)? {
            Ok(decided) => difference::add(&mut differences, function, expected, &decided),
            Err(failed) => differences.push(failed.to_string()),
        }
    }
    Ok(differences)
}
