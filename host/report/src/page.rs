//! The report as one HTML page that needs no network, for screens and paper, light and dark.

mod chart;
mod escaped;
mod figures;
mod table;

use std::time::{Duration, UNIX_EPOCH};

use turnout_vocabulary::Backend;

use crate::report::{Percentiles, Point, Report, Side};
use chart::{Chart, Series};
use escaped::escaped;
use table::Table;

const STYLE: &str = include_str!("page/style.css");

/// Writes the page.
#[must_use]
pub fn page(report: &Report) -> String {
    let Report {
        since, until, labels, ..
    } = report;
    let sections = [
        figures::figures(report),
        section("Operations and errors", &[operations(report), errors(report)]),
        section("Latency of the backends", &latencies(report)),
        section(
            "Equality of both sides",
            &[divergence(report), mirror_age(report), waiting(report)],
        ),
        listed("By repository and action", &by_operation(report)),
        listed("Handoffs", &handoffs(report)),
        listed("Alerts", &alerts(report)),
        listed("What was proved", &proofs(report)),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Turnout: parallel run</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>Parallel run</h1>\n\
         <p><span class=\"old\">{}</span> (old) and <span class=\"new\">{}</span> (new), from {} to {}</p>\n</header>\n\
         <main>\n{}</main>\n<footer>Times are in UTC. Dotted lines are handoffs. \
         Each point sums up {}. Percentiles are read from buckets that are 41 % wide.</footer>\n\
         </body>\n</html>\n",
        escaped(&labels.old),
        escaped(&labels.new),
        time(*since),
        time(*until),
        sections.concat(),
        humantime::format_duration(seconds(report.step.into())),
    )
}

fn section(title: &str, charts: &[Chart<'_>]) -> String {
    let charts: Vec<String> = charts.iter().map(Chart::svg).collect();
    format!(
        "<section>\n<h2>{title}</h2>\n<div class=\"charts\">\n{}</div>\n</section>\n",
        charts.concat()
    )
}

fn listed(title: &str, table: &Table) -> String {
    format!("<section>\n<h2>{title}</h2>\n{}</section>\n", table.html())
}

/// A chart of both sides.
fn of_sides<'r>(report: &'r Report, title: &'r str, unit: &'r str, value: impl Fn(&Side) -> Option<f64>) -> Chart<'r> {
    let series = Backend::ALL.map(|backend| Series {
        name: backend.as_str(),
        values: report.points.iter().map(|point| value(&point.sides[backend])).collect(),
    });
    chart(report, title, unit, series.into())
}

fn chart<'r>(report: &'r Report, title: &'r str, unit: &'r str, series: Vec<Series<'r>>) -> Chart<'r> {
    Chart {
        title,
        unit,
        from: report.since,
        to: report.until,
        step: report.step.into(),
        at: report.points.iter().map(|point| point.at).collect(),
        series,
        marks: report.handoffs.iter().map(|handoff| handoff.at).collect(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a plot needs no precision")]
fn number(count: u64) -> f64 {
    count as f64
}

/// How many a second, of so many in a step.
fn a_second(report: &Report, count: u64) -> f64 {
    number(count) / f64::from(report.step.max(1))
}

fn operations(report: &Report) -> Chart<'_> {
    of_sides(report, "Operations a second", "", |side| {
        Some(a_second(report, side.operations))
    })
}

fn errors(report: &Report) -> Chart<'_> {
    let mut chart = of_sides(report, "Failed operations", "", |side| Some(number(side.errors)));
    chart.series.push(Series {
        name: "none",
        values: report
            .points
            .iter()
            .map(|point| Some(number(point.unanswered)))
            .collect(),
    });
    chart
}

fn latencies(report: &Report) -> [Chart<'_>; 3] {
    let of =
        |title, pick: fn(&Percentiles) -> Option<f64>| of_sides(report, title, "ms", move |side| pick(&side.latency));
    [
        of("p50", |latency| latency.p50_ms),
        of("p95", |latency| latency.p95_ms),
        of("p99", |latency| latency.p99_ms),
    ]
}

fn divergence(report: &Report) -> Chart<'_> {
    let series = |name, rate: fn(&Point) -> Option<f64>| Series {
        name,
        values: report.points.iter().map(|point| Some(rate(point)? * 100.0)).collect(),
    };
    let series = vec![
        series("differ", |point| point.diverged_rate),
        series("noise", |point| point.noise_rate),
    ];
    chart(
        report,
        "Compared reads that differ, and those that could not be told",
        "%",
        series,
    )
}

fn mirror_age(report: &Report) -> Chart<'_> {
    of_sides(report, "Oldest change that waits to be mirrored", "s", |side| {
        Some(number(side.mirror_age_ms?) / 1000.0)
    })
}

fn waiting(report: &Report) -> Chart<'_> {
    of_sides(report, "Changes that wait to be mirrored", "", |side| {
        Some(number(side.dirty?))
    })
}

fn by_operation(report: &Report) -> Table {
    let mut table = Table::new(
        "No operation was kept.",
        &[
            "Repository",
            "Action",
            "Side",
            "Operations",
            "Failed",
            "p50",
            "p95",
            "p99",
        ],
    );
    for operations in &report.operations {
        let start = [operations.repository.clone(), operations.action.clone()];
        for (backend, side) in operations.sides.iter().filter(|(_, side)| side.operations > 0) {
            let Percentiles { p50_ms, p95_ms, p99_ms } = side.latency;
            let numbers = [side.operations.to_string(), side.errors.to_string()];
            let times = [p50_ms, p95_ms, p99_ms].map(milliseconds);
            let row = start.iter().cloned().chain([backend.to_string()]);
            table.row(row.chain(numbers).chain(times));
        }
        if operations.unanswered > 0 {
            let failed = operations.unanswered.to_string();
            let row = start.into_iter().chain(["none".to_owned(), failed.clone(), failed]);
            table.row(row.chain(std::iter::repeat_n(String::new(), 3)));
        }
    }
    table
}

fn handoffs(report: &Report) -> Table {
    let mut table = Table::new("None.", &["Time", "Epoch", "Took", ""]);
    for handoff in &report.handoffs {
        let took = handoff
            .seconds
            .map_or_else(|| "not released".to_owned(), |seconds| format!("{seconds:.2} s"));
        let forced = handoff
            .forced
            .as_ref()
            .map_or_else(String::new, |side| format!("forced failover to {side}"));
        table.row([time(handoff.at), handoff.epoch.to_string(), took, forced]);
    }
    table
}

fn alerts(report: &Report) -> Table {
    let mut table = Table::new("None.", &["Kind", "Severity", "Alerts", "Last"]);
    for of_kind in &report.alerts {
        let (kind, severity) = (of_kind.kind.clone(), of_kind.severity.clone());
        table.row([kind, severity, of_kind.alerts.to_string(), time(of_kind.last)]);
    }
    table
}

fn proofs(report: &Report) -> Table {
    let mut table = Table::new("Nothing yet.", &["Evidence", "Time", "Kind", "Result", ""]);
    for proof in &report.evidence {
        let verdict = match proof.passed {
            Some(true) => "good",
            Some(false) => "not good",
            None => "",
        };
        let at = proof.at.get(..19).unwrap_or(&proof.at).replace('T', " ");
        let (kind, summary) = (proof.kind.clone(), proof.summary.clone());
        table.row([proof.number.to_string(), at, kind, verdict.to_owned(), summary]);
    }
    table
}

fn milliseconds(ms: Option<f64>) -> String {
    ms.map_or_else(String::new, |ms| {
        if ms < 10.0 {
            format!("{ms:.1} ms")
        } else {
            format!("{ms:.0} ms")
        }
    })
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(seconds.max(0).unsigned_abs())
}

/// A time to the second.
fn time(at: i64) -> String {
    let text = humantime::format_rfc3339_seconds(UNIX_EPOCH + seconds(at)).to_string();
    text.trim_end_matches('Z').replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::data;

    #[test]
    fn page_needs_no_network_and_escapes_texts() {
        let page = page(&Report::of(&data()));
        assert!(
            page.contains("&lt;timeweb&gt;") && page.contains("clients &amp; co"),
            "{page}"
        );
        for forbidden in [
            "<timeweb>",
            "clients & co",
            "http://",
            "https://",
            "<script",
            "<link",
            "@import",
            "url(",
        ] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert_eq!(page.matches("<svg").count(), 8);
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
        for expected in [
            "1970-01-01 00:01:00",
            "0.25 s",
            "divergence",
            "prefers-color-scheme: dark",
            "@media print",
        ] {
            assert!(page.contains(expected), "{expected}");
        }
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    }

    #[test]
    fn page_of_nothing_says_so() {
        let page = page(&Report::of(&crate::Data::default()));
        assert!(
            page.contains("No operation was kept.") && page.contains("nothing was kept"),
            "{page}"
        );
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    }

    #[test]
    fn sides_of_a_table_are_those_that_answered() {
        let html = by_operation(&Report::of(&data())).html();
        assert!(
            html.contains("<td>new</td>") && !html.contains("<td>old</td>"),
            "{html}"
        );
    }
}
