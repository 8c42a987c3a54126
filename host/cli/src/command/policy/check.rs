mod measure;

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;
use turnout_policies::{File, Worlds};
use turnout_runtime::{Description, presentable};

use super::file;
use super::fitting::{FittingModule, FittingPolicy, Settings};
use super::surroundings::Surroundings;
use crate::config::Config;

/// The longest line of a schema that is shown, in bytes.
const SCHEMA_LINE: usize = 1024;

#[derive(Args)]
pub(crate) struct Check {
    /// The built module
    file: PathBuf,
    /// Settings that it is asked to accept; without any, it gets an empty file
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

pub(super) fn run(config: &Path, Check { file: path, settings }: &Check) -> Result<()> {
    let file = File::new(path, file::bytes(path)?);
    let limits = Config::policy_limits(config)?;
    let module = FittingModule::load_within(path, &file.content, &limits.clone().unwrap_or_default())?;
    let mut out = std::io::stdout().lock();
    describe(&mut out, &file, &module)?;
    let bounds = match &limits {
        Some(_) => format!("those of {}", config.display()),
        None => format!(
            "those of a host without settings of its own: there is no {} (--config FILE)",
            config.display()
        ),
    };
    line(&mut out, "bounds", bounds)?;
    let surroundings = surroundings(&mut out, config)?;
    module.wait_until_optimised();
    if let Some(settings) = settings {
        let text = file::text(settings)?;
        let policy = module.configure(&Settings::new(settings, &text, &module)?, &surroundings)?;
        line(&mut out, "settings", format_args!("{}: accepted", settings.display()))?;
        measure(&mut out, &policy, &surroundings)
    } else {
        let nothing = Settings::new(Path::new("without settings"), "", &module)?;
        match module.configure(&nothing, &surroundings) {
            Ok(policy) => measure(&mut out, &policy, &surroundings)?,
            Err(error) => {
                let why = format_args!("not measured ({error}); give settings that it accepts with --settings");
                line(&mut out, "calls", why)?;
            }
        }
        Ok(())
    }
}

fn describe(out: &mut impl Write, file: &File, module: &FittingModule) -> Result<()> {
    let component = turnout_runtime::component(&file.content)?;
    let core = turnout_runtime::core_size(&component)?;
    let Description {
        name,
        version,
        settings_schema,
    } = module.describe().with_context(|| file.path.display().to_string())?;
    let imports = match module.imports() {
        none if none.is_empty() => "nothing".into(),
        imports => imports.join(", "),
    };
    line(out, "world", module.world())?;
    line(out, "policy", format_args!("{name} {version}"))?;
    line(out, "imports", imports)?;
    line(
        out,
        "size",
        format_args!("{} bytes as a component, {core} of them code", component.len()),
    )?;
    line(out, "sha-256", &file.digest)?;
    let built_in = Worlds::default().built_in();
    if built_in
        .get(module.world())
        .is_some_and(|built_in| built_in.module == *file)
    {
        line(out, "origin", "built in")?;
    }
    let schema = match serde_json::from_str::<Value>(&settings_schema) {
        Ok(schema) => format!("{schema:#}"),
        Err(_) => "none: the module says nothing of its settings".into(),
    };
    let lines: Vec<_> = schema.lines().map(|line| presentable(line, SCHEMA_LINE)).collect();
    line(out, "schema", lines.join("\n              "))
}

fn line(out: &mut impl Write, label: &str, value: impl Display) -> Result<()> {
    Ok(writeln!(out, "{label:12}  {value}")?)
}

/// The repositories of the configuration file, if it is there.
fn surroundings(out: &mut impl Write, config: &Path) -> Result<Surroundings> {
    let Some(surroundings) = Surroundings::of(config)? else {
        let why = format_args!("`clients`, made up: there is no {} (--config FILE)", config.display());
        line(out, "repositories", why)?;
        return Ok(Surroundings::made_up());
    };
    let repositories = surroundings.repositories();
    let names: Vec<_> = repositories.iter().map(|repository| repository.name.as_str()).collect();
    line(
        out,
        "repositories",
        format_args!("{}, of {}", names.join(", "), config.display()),
    )?;
    Ok(surroundings)
}

fn measure(out: &mut impl Write, policy: &FittingPolicy, surroundings: &Surroundings) -> Result<()> {
    let medians = measure::medians(policy, surroundings)?;
    line(
        out,
        "calls",
        format_args!("the median of {}, in microseconds", measure::CALLS),
    )?;
    for (function, took) in medians {
        writeln!(out, "              {function:9} {:>8.2}", took.as_secs_f64() * 1e6)?;
    }
    Ok(())
}
