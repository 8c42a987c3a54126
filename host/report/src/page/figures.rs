use crate::report::{Report, Side};

use super::escaped::escaped;
use super::milliseconds;

/// What matters most, as figures.
pub(super) fn figures(report: &Report) -> String {
    let totals = &report.totals;
    let percent = |rate: Option<f64>| rate.map_or_else(|| "none".to_owned(), |rate| format!("{:.3} %", rate * 100.0));
    let p99 = |side: &Side| match side.latency.p99_ms {
        Some(ms) => milliseconds(Some(ms)),
        None => "none".to_owned(),
    };
    let ages = [totals.sides.old.mirror_age_ms, totals.sides.new.mirror_age_ms];
    let oldest = ages.into_iter().flatten().max();
    let failed = report
        .evidence
        .iter()
        .filter(|proof| proof.passed == Some(false))
        .count();
    let alerts: u64 = report.alerts.iter().map(|of_kind| of_kind.alerts).sum();
    let figures = [
        (totals.operations.to_string(), "operations".to_owned()),
        (totals.errors.to_string(), "of them failed".to_owned()),
        (p99(&totals.sides.old), "p99 of old".to_owned()),
        (p99(&totals.sides.new), "p99 of new".to_owned()),
        (
            percent(totals.diverged_rate),
            format!("of {} compared reads differ", totals.compared),
        ),
        (
            oldest.map_or_else(|| "none".to_owned(), |ms| milliseconds(Some(as_float(ms)))),
            "the mirror was behind at most".to_owned(),
        ),
        (report.handoffs.len().to_string(), "handoffs".to_owned()),
        (alerts.to_string(), "alerts".to_owned()),
        (
            format!("{} of {}", report.evidence.len() - failed, report.evidence.len()),
            "proofs came out well".to_owned(),
        ),
    ];
    let figure = |(value, name): &(String, String)| {
        format!(
            "<div><strong>{}</strong><span>{}</span></div>\n",
            escaped(value),
            escaped(name)
        )
    };
    let figures: String = figures.iter().map(figure).collect();
    format!("<section class=\"figures\">\n{figures}</section>\n")
}

#[expect(clippy::cast_precision_loss, reason = "a figure needs no precision")]
fn as_float(ms: u64) -> f64 {
    ms as f64
}
