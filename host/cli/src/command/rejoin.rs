//! `turnout rejoin`: a person chooses the side whose rows count, after a side was restored from the past.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;
use turnout_api::{RejoinRequest, Rejoined};

use super::running::{Running, understood};
use crate::arguments;
use crate::config::Config;

pub(crate) fn run(config: &Path, arguments: &arguments::Rejoin) -> Result<()> {
    let config = Config::load(config)?;
    super::runtime()?.block_on(async {
        let request = RejoinRequest {
            side: arguments.side.into(),
        };
        let answer = Running::of(&config)?.post("/v1/rejoin", &request).await?;
        let rejoined: Rejoined = understood(&answer)?;
        Ok(show(&rejoined, &mut io::stdout().lock())?)
    })
}

fn show(rejoined: &Rejoined, out: &mut impl Write) -> io::Result<()> {
    let (side, other) = (rejoined.side, rejoined.side.other());
    match rejoined.forced {
        Some(epoch) => writeln!(
            out,
            "backend {side} is the authority of everything since epoch {epoch}; rows of {other} alone are shown by `turnout status` as \
             diverged. To go back to the stages of the cohorts, save routing.toml when {other} is equal"
        )?,
        None => writeln!(out, "backend {side} is the authority of everything, as before")?,
    }
    writeln!(out, "differing rows that the mirror copies from {side} to {other}:")?;
    for (repository, marked) in &rejoined.marked {
        writeln!(out, "  {repository:<18}  {marked}")?;
    }
    Ok(())
}
