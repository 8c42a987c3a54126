use std::io::Write;

use anyhow::Result;
use serde_json::Value;

use super::criteria::{Leg, Outcome};

/// Prints the outcome for programs.
pub(super) fn json(outcome: &Outcome, evidence: i64, out: &mut impl Write) -> Result<()> {
    let mut all = serde_json::to_value(outcome)?;
    all["evidence"] = evidence.into();
    Ok(writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?)
}

/// Prints the outcome for people.
pub(super) fn text(outcome: &Outcome, evidence: i64, out: &mut impl Write) -> Result<()> {
    let other = outcome.from.other();
    writeln!(out, "from {} to {other}: {}", outcome.from, in_words(&outcome.there))?;
    writeln!(out, "back to {}: {}", outcome.from, in_words(&outcome.back))?;
    writeln!(out, "{} reads of the cohort's rows meanwhile", outcome.operations)?;
    for criterion in &outcome.criteria {
        let verdict = if criterion.passed { "ok    " } else { "FAILED" };
        writeln!(
            out,
            "{verdict}  {}: {} (wanted {})",
            criterion.name,
            in_short(&criterion.found),
            in_short(&criterion.wanted)
        )?;
    }
    let verdict = if outcome.passed { "passed" } else { "failed" };
    Ok(writeln!(
        out,
        "the drill {verdict} (kept as evidence {evidence} on new)"
    )?)
}

/// A value as people write it.
fn in_short(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) if number.is_f64() => format!("{:.2}", number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}

fn in_words(leg: &Leg) -> String {
    let longest = leg.longest_operation_ms;
    let longest = longest.map_or_else(String::new, |ms| {
        format!("; the longest operation meanwhile took {ms:.0} ms")
    });
    format!("{:.2} s{longest}", leg.seconds)
}
