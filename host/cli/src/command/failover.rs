//! Authority moved by force, when the side that has it is dead.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Result, bail};
use turnout_api::FailoverRequest;
use turnout_handoff::{AtStake, Failover};

use super::running::{Running, understood};
use crate::arguments;
use crate::config::Config;

pub(crate) fn run(config: &Path, arguments: &arguments::Failover) -> Result<()> {
    let config = Config::load(config)?;
    super::runtime()?.block_on(async {
        let request = FailoverRequest {
            to: arguments.to.into(),
            accept_loss: arguments.accept_loss,
        };
        let answer = Running::of(&config)?.post("/v1/failover", &request).await?;
        let failover: Failover = understood(&answer)?;
        show(&failover, &mut io::stdout().lock())?;
        if failover.epoch.is_none() {
            bail!("nothing was done: repeat this with --accept-loss if that may be lost");
        }
        Ok(())
    })
}

fn show(failover: &Failover, out: &mut impl Write) -> io::Result<()> {
    let (to, lost) = (failover.to, failover.to.other());
    match failover.epoch {
        Some(epoch) => writeln!(out, "backend {to} is the authority of everything since epoch {epoch}")?,
        None => writeln!(out, "backend {to} would become the authority of everything")?,
    }
    match failover.last_seen_seconds {
        Some(seconds) => writeln!(
            out,
            "what it lacks of {lost}, as far as was seen {} ago:",
            super::status::seconds(seconds)
        )?,
        None => writeln!(out, "what it lacks of {lost} was never seen by this host:")?,
    }
    for AtStake {
        repository,
        not_mirrored,
        complete,
    } in &failover.at_stake
    {
        let keys = match not_mirrored {
            Some(1) => "1 key".to_owned(),
            Some(keys) => format!("{keys} keys"),
            None => "unknown".to_owned(),
        };
        let more = if *complete {
            ""
        } else {
            ", and any row that is not mirrored or not compared yet"
        };
        writeln!(out, "  {repository:<18}  {keys}{more}")?;
    }
    if failover.epoch.is_some() {
        writeln!(
            out,
            "when {lost} is back, it is taken in as the mirror of {to}, and what it had not mirrored is shown by `turnout \
             status` as diverged. To end the failover, put the cohorts into stages whose authority is {to} and save \
             routing.toml: then both sides are compared and {lost} is made equal."
        )?;
    }
    Ok(())
}
