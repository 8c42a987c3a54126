//! `turnout freeze` and `turnout unfreeze`: the application's writes are refused for a while, on all hosts.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Result;
use turnout_api::{FreezeRequest, Frozen, FrozenStatus};

use super::running::{Running, understood, who};
use crate::arguments::{Freeze, Unfreeze};
use crate::config::Config;

pub(crate) fn freeze(path: &Path, arguments: &Freeze) -> ExitCode {
    let because = arguments.because.clone().unwrap_or_default();
    exit(ask(path, "/v1/freeze", because, arguments.json))
}

pub(crate) fn unfreeze(path: &Path, arguments: &Unfreeze) -> ExitCode {
    exit(ask(path, "/v1/unfreeze", String::new(), arguments.json))
}

fn exit(done: Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::log::complain(&error);
            super::running::exit_status(&error)
        }
    }
}

fn ask(path: &Path, place: &str, because: String, json: bool) -> Result<()> {
    let config = Config::load(path)?;
    super::runtime()?.block_on(async {
        let request = FreezeRequest { who: who(), because };
        let answer = Running::of(&config)?.post(place, &request).await?;
        let mut out = std::io::stdout().lock();
        if json {
            return Ok(writeln!(out, "{answer}")?);
        }
        let Frozen { epoch, frozen } = understood(&answer)?;
        match frozen {
            Some(frozen) => writeln!(out, "epoch {epoch} is in force: {}", in_words(&frozen))?,
            None => writeln!(out, "epoch {epoch} is in force: writes are let in")?,
        }
        Ok(())
    })
}

/// Since when and why writes are refused, for people.
pub(super) fn in_words(frozen: &FrozenStatus) -> String {
    let FrozenStatus { since, by, reason } = frozen;
    let since = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(*since));
    let by = if by.is_empty() {
        String::new()
    } else {
        format!(", by {by}")
    };
    let reason = if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    };
    format!("writes are refused since {since}{by}{reason}; `turnout unfreeze` lets them in again")
}
