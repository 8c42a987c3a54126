use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use turnout_api::{Activated, Activation, Audience, By, Shipment};

use super::fitting::FittingModule;
use crate::command::running::{Running, understood, who};
use crate::config::Config;

/// For whom a version is to decide; everybody, if nothing is said.
#[derive(Args)]
#[group(multiple = false)]
struct For {
    /// Only for these subjects, in any spelling; everybody else stays with the stable version
    #[arg(long, value_delimiter = ',', value_name = "SUBJECT,…")]
    subjects: Vec<String>,
    /// Only for this part of the subjects
    #[arg(long, value_name = "0–100")]
    percent: Option<f64>,
    /// For nobody: ask it beside the stable version, and count where they differ
    #[arg(long)]
    shadow: bool,
}

/// Why a change goes on that `[promotion]` in the configuration would refuse.
#[derive(Args)]
pub(crate) struct Because {
    /// Move authority to `new` although not all is so that `promotion.needs` names; the reason is kept as evidence
    #[arg(long, value_name = "REASON")]
    because: Option<String>,
}

#[derive(Args)]
pub(crate) struct Push {
    /// The module or component
    file: PathBuf,
    /// Its settings; without this those in force
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    #[command(flatten)]
    audience: For,
    #[command(flatten)]
    because: Because,
}

#[derive(Args)]
pub(crate) struct Activate {
    /// The SHA-256 of a version that `turnout policy list` shows, or at least its first 8 digits
    #[arg(required_unless_present = "epoch")]
    sha256: Option<String>,
    /// The epoch whose set is brought back for everybody
    #[arg(long, value_name = "N", conflicts_with_all = ["sha256", "subjects", "percent", "shadow"])]
    epoch: Option<u64>,
    #[command(flatten)]
    audience: For,
    #[command(flatten)]
    because: Because,
}

pub(crate) fn push(config: &Path, arguments: &Push) -> Result<()> {
    let (world, mut request) = version(&arguments.file, arguments.settings.as_deref())?;
    request.audience = audience(&arguments.audience);
    request.because.clone_from(&arguments.because.because);
    at_host(config, async |host| {
        host.put(&format!("/v1/policies/{world}"), &request).await
    })
}

/// What files hold for a host, and the world that the module fits.
pub(super) fn version(file: &Path, settings: Option<&Path>) -> Result<(&'static str, turnout_api::Push)> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()));
    let module = read(file)?;
    let world = FittingModule::load(file, &module)?.world();
    let mut signature = file.as_os_str().to_owned();
    signature.push(".minisig");
    let settings = match settings {
        Some(path) => Some(String::from_utf8(read(path)?).with_context(|| format!("{} is not text", path.display()))?),
        None => None,
    };
    let request = turnout_api::Push {
        module: Some(hex::encode(module)),
        signature: std::fs::read_to_string(signature).ok(),
        settings,
        who: who(),
        ..turnout_api::Push::default()
    };
    Ok((world, request))
}

pub(crate) fn activate(config: &Path, arguments: &Activate) -> Result<()> {
    let request = Activation {
        sha256: arguments.sha256.as_deref().map(str::to_lowercase),
        epoch: arguments.epoch,
        audience: audience(&arguments.audience),
        who: who(),
        because: arguments.because.because.clone(),
    };
    at_host(config, async |host| host.post("/v1/policies/activate", &request).await)
}

/// `rollback`, `promote` or `withdraw`.
pub(crate) fn change(config: &Path, verb: &str, because: Option<&Because>) -> Result<()> {
    let by = By {
        who: who(),
        because: because.and_then(|because| because.because.clone()),
    };
    at_host(config, async |host| {
        host.post(&format!("/v1/policies/{verb}"), &by).await
    })
}

pub(crate) fn list(config: &Path) -> Result<()> {
    let config = Config::load(config)?;
    crate::command::runtime()?.block_on(async {
        let answer = Running::of(&config)?.get("/v1/policies").await?;
        let shipments: Vec<Shipment> = understood(&answer)?;
        Ok(show(&shipments, &mut io::stdout().lock())?)
    })
}

fn at_host(config: &Path, ask: impl AsyncFnOnce(Running) -> Result<String>) -> Result<()> {
    let config = Config::load(config)?;
    crate::command::runtime()?.block_on(async {
        let answer = ask(Running::of(&config)?).await?;
        let Activated {
            epoch,
            obstacle_to_promotion,
        } = understood(&answer)?;
        let mut out = io::stdout().lock();
        writeln!(out, "epoch {epoch} is in force")?;
        if let Some(obstacle) = obstacle_to_promotion {
            writeln!(
                out,
                "note: as things stand, the version on trial could not be promoted: {obstacle}"
            )?;
        }
        Ok(())
    })
}

/// Newest first; what stays the same from one epoch to the next is not repeated.
fn show(shipments: &[Shipment], out: &mut impl Write) -> io::Result<()> {
    for (place, shipment) in shipments.iter().enumerate() {
        let age = humantime::format_duration(Duration::from_secs_f64(shipment.age_seconds.max(0.0).round()));
        writeln!(
            out,
            "epoch {}  {age} ago{}",
            shipment.epoch,
            if place == 0 { "  in force" } else { "" }
        )?;
        let before = shipments.get(place + 1);
        for (world, version) in shipment.worlds.iter() {
            let same = before.is_some_and(|before| {
                before
                    .worlds
                    .iter()
                    .any(|(name, other)| name == world && other == version)
            });
            if same && place > 0 {
                continue;
            }
            let by = match (version.by.who.as_str(), version.by.from.as_str()) {
                ("", from) => from.to_owned(),
                (who, from) => format!("{from}, {who}"),
            };
            writeln!(
                out,
                "  {world:<10}  {}  settings {:.12}  {by}",
                version.module, version.settings
            )?;
            if let Some(trial) = &version.trial {
                writeln!(
                    out,
                    "  {:<10}  {}  settings {:.12}  on trial for {}",
                    "", trial.module, trial.settings, trial.scope
                )?;
            }
        }
    }
    Ok(())
}

fn audience(arguments: &For) -> Audience {
    match (arguments.percent, arguments.shadow) {
        (Some(percent), _) => Audience::Percent(percent),
        (None, true) => Audience::Shadow,
        (None, false) if arguments.subjects.is_empty() => Audience::Everybody,
        (None, false) => Audience::Subjects(arguments.subjects.clone()),
    }
}
