use std::io::Write;

use anyhow::Result;
use serde_json::json;
use turnout_backends::KeptEvidence;
use turnout_baseline::{Baseline, Change, Measured, Timings};

/// How many characters the longest bar has.
const BAR: f64 = 40.0;

/// Prints a baseline for programs.
pub(super) fn json(baseline: Baseline, evidence: i64, out: &mut impl Write) -> Result<()> {
    let mut all = serde_json::to_value(baseline.without_single_times())?;
    all["evidence"] = evidence.into();
    Ok(writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?)
}

/// Prints a baseline for people: a table, and under each operation a bar for each side.
pub(super) fn text(baseline: &Baseline, evidence: i64, out: &mut impl Write) -> Result<()> {
    writeln!(
        out,
        "{} samples of each operation on each side; █ up to the median, ▒ to p95, · to p99",
        baseline.samples
    )?;
    for operation in &baseline.operations {
        let Measured { name, sides, ratio, .. } = operation;
        let verdict = if operation.slower { ": new is slower" } else { "" };
        writeln!(out, "\n{name}  (new takes {ratio:.2} of old's time{verdict})")?;
        let longest = sides.old.p99_ms.max(sides.new.p99_ms);
        for (backend, timings) in sides.iter() {
            writeln!(out, "  {backend}  {}  {}", in_words(timings), bar(timings, longest))?;
        }
        if sides.old.rows != sides.new.rows {
            writeln!(
                out,
                "  the sides answered with different numbers of rows ({} and {}): compare them with `turnout verify`",
                sides.old.rows, sides.new.rows
            )?;
        }
    }
    writeln!(out)?;
    for left_out in &baseline.left_out {
        writeln!(out, "not measured: {}: {}", left_out.name, left_out.reason)?;
    }
    let verdict = match &baseline.slower[..] {
        [] => "nothing is slower on new".to_owned(),
        slower => format!("slower on new: {}", slower.join(", ")),
    };
    Ok(writeln!(out, "{verdict} (kept as evidence {evidence} on new)")?)
}

fn in_words(timings: &Timings) -> String {
    let Timings {
        median_ms,
        median_between_ms: [low, high],
        p95_ms,
        p99_ms,
        ..
    } = timings;
    let between = format!("({low:.2} to {high:.2})");
    format!("median {median_ms:>7.2} ms {between:<20}  p95 {p95_ms:>7.2} ms  p99 {p99_ms:>7.2} ms")
}

/// A bar whose longest would end at so many milliseconds.
fn bar(timings: &Timings, longest: f64) -> String {
    let places = |ms: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from nothing to the length of a bar"
        )]
        let places = (ms / longest.max(f64::MIN_POSITIVE) * BAR).round().clamp(0.0, BAR) as usize;
        places
    };
    let (median, p95, p99) = (
        places(timings.median_ms),
        places(timings.p95_ms),
        places(timings.p99_ms),
    );
    ["█".repeat(median), "▒".repeat(p95 - median), "·".repeat(p99 - p95)].concat()
}

/// Prints a comparison for programs.
pub(super) fn changes_json(changes: &[Change], evidence: [i64; 2], out: &mut impl Write) -> Result<()> {
    let [earlier, later] = evidence;
    let slower: Vec<_> = changes.iter().filter(|change| change.slower).map(called).collect();
    let all = json!({ "earlier": earlier, "later": later, "operations": changes, "slower": slower });
    Ok(writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?)
}

/// Prints a comparison for people.
pub(super) fn changes(changes: &[Change], evidence: [&KeptEvidence; 2], out: &mut impl Write) -> Result<()> {
    let [earlier, later] = evidence;
    writeln!(
        out,
        "evidence {} of {} against evidence {} of {}: medians",
        earlier.number, earlier.at, later.number, later.at
    )?;
    for change in changes {
        let [before, after] = change.medians_ms;
        let verdict = if change.slower { "  slower" } else { "" };
        writeln!(
            out,
            "{}: {before:.2} → {after:.2} ms, {:.2} of the time before{verdict}",
            called(change),
            change.ratio
        )?;
    }
    let slower = changes.iter().filter(|change| change.slower).count();
    let verdict = match slower {
        0 => "nothing became slower".to_owned(),
        1 => "1 operation became slower".to_owned(),
        slower => format!("{slower} operations became slower"),
    };
    Ok(writeln!(out, "{verdict}")?)
}

fn called(change: &Change) -> String {
    format!("{} on {}", change.name, change.backend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_median_and_percentiles() {
        let timings = Timings {
            median_ms: 10.0,
            p95_ms: 20.0,
            p99_ms: 40.0,
            ..Timings::default()
        };
        let bar = bar(&timings, 40.0);
        assert_eq!(["█", "▒", "·"].map(|part| bar.matches(part).count()), [10, 10, 20]);
        assert_eq!(super::bar(&Timings::default(), 0.0), "");
    }
}
