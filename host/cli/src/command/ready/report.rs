use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use turnout_readiness::{Criterion, Judged, Readiness, Verdict};

/// Prints the criteria for programs.
pub(in crate::command) fn json(readiness: &Readiness, out: &mut impl Write) -> Result<()> {
    let all = json!({ "go": readiness.is_go(), "criteria": readiness.criteria() });
    Ok(writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?)
}

/// Prints the criteria for people.
pub(in crate::command) fn text(readiness: &Readiness, out: &mut impl Write) -> Result<()> {
    for judged in readiness.criteria() {
        let Judged {
            criterion,
            verdict,
            evidence,
            age,
            reason,
        } = judged;
        let verdict = match verdict {
            Verdict::Go => "go",
            Verdict::NoGo => "no-go",
            Verdict::Unknown => "unknown",
            Verdict::Off => "off",
        };
        write!(out, "{verdict:<7}  {criterion:<12}  {reason}")?;
        if let (Some(number), Some(age)) = (evidence, age) {
            let age = humantime::format_duration(Duration::from_secs(age.as_secs()));
            write!(out, " (evidence {number}, {age} old)")?;
        }
        writeln!(out)?;
    }
    match readiness.unmet(&Criterion::ALL).count() {
        0 => writeln!(out, "go: authority may move to new")?,
        unmet => writeln!(out, "no-go: {unmet} criteria are not met")?,
    }
    Ok(())
}
