use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use turnout_api::{BackendStatus, Status};

use crate::arguments;
use crate::config::Config;

/// How long a host may take to say how it stands.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn run(config: &Path, arguments: &arguments::Status) -> Result<()> {
    let config = Config::load(config)?;
    super::runtime()?.block_on(async {
        let url = format!("http://{}/v1/status", config.listen);
        // No proxy may see the administrator's key.
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let answer = client
            .get(&url)
            .header("apikey", config.keys.admin())
            .send()
            .await
            .with_context(|| format!("no host answers at {url}; is it running with this configuration?"))?;
        if !answer.status().is_success() {
            bail!(
                "the host at {url} answered {}; does it run with this configuration?",
                answer.status()
            );
        }
        let body = answer
            .text()
            .await
            .with_context(|| format!("the answer of {url} broke off"))?;
        let mut out = std::io::stdout().lock();
        if arguments.json {
            return Ok(writeln!(out, "{body}")?);
        }
        let status: Status =
            serde_json::from_str(&body).with_context(|| format!("{url} is not a Turnout of this version"))?;
        Ok(show(&status, &mut out)?)
    })
}

/// Writes a status for people.
fn show(status: &Status, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "turnout {}, up {}", status.version, seconds(status.uptime_seconds))?;
    writeln!(out, "epoch {}", status.epoch)?;
    let routing = &status.routing;
    writeln!(
        out,
        "  routing  {} {}  module {:.12}  settings {:.12}",
        routing.name, routing.version, routing.module, routing.settings
    )?;
    if let Some(refused) = &status.refused {
        writeln!(out, "  refused  {refused}")?;
    }
    writeln!(out, "backends")?;
    for (backend, BackendStatus { label, up, p95_ms }) in status.backends.iter() {
        let state = if *up { "up" } else { "down" };
        writeln!(out, "  {backend}  {state:<4}  p95 {p95_ms:.1} ms  {label}")?;
    }
    writeln!(out, "repositories\n  {}", status.repositories.join(", "))
}

fn seconds(seconds: u64) -> impl std::fmt::Display {
    humantime::format_duration(Duration::from_secs(seconds))
}
