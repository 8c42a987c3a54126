//! `turnout failover`: moves all authority to one side by force when the other side is dead.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Result, bail};
use turnout_api::{AtStake, Failover, FailoverRequest};

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
            bail!("nothing was done; to go ahead and lose these changes, run this again with --accept-loss");
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
            "changes of {lost} that {to} lacks, as this host last saw them {} ago:",
            super::status::seconds(seconds)
        )?,
        None => writeln!(out, "changes of {lost} that {to} lacks; this host has never seen them:")?,
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
            "when {lost} is back, it becomes the mirror of {to}. Rows that it had not mirrored are then shown by `turnout \
             status` as diverged. To end the failover, put the cohorts into stages whose authority is {to} and save \
             routing.toml: then a host compares both sides and makes {lost} equal."
        )?;
    }
    Ok(())
}
