use std::num::NonZeroU64;

use turnout_policy::SettingsError;
use turnout_policy::divergence::{Alert, AlertKind, Count, Severity, Source, Window};

use crate::settings::Alerts;

/// A whole, in hundredths of a percent.
const WHOLE: u64 = 10_000;

/// When people hear of divergences.
pub(crate) struct Thresholds {
    /// In hundredths of a percent.
    rate: u32,
    min_compared: NonZeroU64,
    many: u64,
    report: bool,
}

impl Thresholds {
    pub(crate) fn new(settings: &Alerts) -> Result<Self, SettingsError> {
        let percent = settings.rate_percent;
        if !(0.0..=100.0).contains(&percent) {
            let reason = format!("{percent} is not a percentage from 0 to 100");
            return Err(SettingsError::at("/rate_percent", reason));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 10,000"
        )]
        let rate = (percent * 100.0).round() as u32;
        Ok(Self {
            rate,
            min_compared: settings.min_compared,
            many: settings.many,
            report: settings.report,
        })
    }

    /// The alerts about what was compared lately.
    pub(crate) fn exceeded(&self, window: &Window) -> Vec<Alert> {
        let rate = self.rate(window).filter(|rate| *rate > self.rate);
        let many = |number: u64| (number > self.many).then_some(number);
        let diverged = sum(window, |source| source != Source::Baseline, |count| count.diverged);
        let failed = sum(window, |source| source == Source::Mirrored, |count| count.failed);
        let is_due = self.report && window.open > 0 && window.since_report >= window.seconds;
        let alerts = [
            rate.map(|rate| (AlertKind::Rate(rate), Severity::Critical)),
            many(diverged).map(|rows| (AlertKind::Many(rows), Severity::Warning)),
            many(failed).map(|rows| (AlertKind::FailedMirror(rows), Severity::Warning)),
            is_due.then_some((AlertKind::Report(window.open), Severity::Warning)),
        ];
        let alerts = alerts.into_iter().flatten();
        alerts.map(|(kind, severity)| Alert { kind, severity }).collect()
    }

    /// The largest part of the rows of one source that differs, of the reads less the noise; `None` if too few were compared. A walk through
    /// a large table must not hide that every second read differs.
    fn rate(&self, window: &Window) -> Option<u32> {
        let part = |source| self.part(window, |of| of == source);
        let reads = part(Source::Read).map(|reads| reads.saturating_sub(part(Source::Baseline).unwrap_or(0)));
        [reads, part(Source::Mirrored), part(Source::Walk)]
            .into_iter()
            .flatten()
            .max()
    }

    /// The part of the rows from some sources that differs, in hundredths of a percent; `None` if too few were compared.
    fn part(&self, window: &Window, chosen: impl Fn(Source) -> bool) -> Option<u32> {
        let compared = sum(window, &chosen, |count| count.compared);
        let diverged = sum(window, &chosen, |count| count.diverged);
        let part = diverged.saturating_mul(WHOLE) / NonZeroU64::new(compared)?;
        (compared >= self.min_compared.get()).then_some(u32::try_from(part).unwrap_or(u32::MAX))
    }
}

fn sum(window: &Window, chosen: impl Fn(Source) -> bool, number: impl Fn(&Count) -> u64) -> u64 {
    let counts = window.counts.iter().filter(|count| chosen(count.source));
    counts.map(number).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use turnout_policy::testing;

    use super::*;
    use crate::Comparing;

    fn count(source: Source, compared: u64, diverged: u64) -> Count {
        Count {
            repository: 0,
            source,
            compared,
            equal: compared - diverged,
            unsettled: 0,
            diverged,
            dropped: 0,
            failed: 0,
        }
    }

    /// The alerts of a window as text, without a report.
    fn alerts(toml: &str, counts: Vec<Count>) -> Vec<String> {
        said(toml, counts, 0, 0)
    }

    fn said(toml: &str, counts: Vec<Count>, open: u64, since_report: u32) -> Vec<String> {
        let policy: Comparing = testing::configure(toml, &["clients"]).unwrap();
        let window = Window {
            seconds: 300,
            counts,
            open,
            since_report,
        };
        let alerts = policy.thresholds.exceeded(&window);
        alerts
            .iter()
            .map(|alert| format!("{:?} {:?}", alert.kind, alert.severity))
            .collect()
    }

    const QUIET: [&str; 0] = [];

    #[test]
    fn rate_over_the_threshold_calls() {
        assert_eq!(alerts("", vec![count(Source::Read, 100, 5)]), QUIET);
        assert_eq!(
            alerts("", vec![count(Source::Read, 60, 2), count(Source::Read, 40, 4)]),
            ["AlertKind::Rate(600) Severity::Critical"]
        );
        assert_eq!(
            alerts("alerts.rate_percent = 0.5", vec![count(Source::Read, 1000, 6)]),
            ["AlertKind::Rate(60) Severity::Critical"]
        );
    }

    #[test]
    fn rate_is_that_of_the_worst_source() {
        let walk = || count(Source::Walk, 1_000_000, 0);
        assert_eq!(
            alerts(
                "",
                vec![walk(), count(Source::Read, 100, 9), count(Source::Mirrored, 50_000, 0)]
            ),
            ["AlertKind::Rate(900) Severity::Critical"]
        );
        assert_eq!(alerts("", vec![walk(), count(Source::Direct, 100, 9)]), QUIET);
    }

    #[test]
    fn few_compared_rows_make_no_rate() {
        assert_eq!(alerts("", vec![count(Source::Read, 2, 1)]), QUIET);
        assert_eq!(alerts("", vec![count(Source::Read, 19, 9)]), QUIET);
        assert_eq!(
            alerts("alerts.min_compared = 2", vec![count(Source::Read, 2, 1)]),
            ["AlertKind::Rate(5000) Severity::Critical"]
        );
        assert_eq!(alerts("", Vec::new()), QUIET);
    }

    #[test]
    fn noise_of_the_authority_is_subtracted() {
        let read = || count(Source::Read, 100, 8);
        assert_eq!(alerts("", vec![read(), count(Source::Baseline, 100, 3)]), QUIET);
        assert_eq!(
            alerts("", vec![read(), count(Source::Baseline, 100, 1)]),
            ["AlertKind::Rate(700) Severity::Critical"]
        );
        // Too little is known of the noise.
        assert_eq!(
            alerts("", vec![read(), count(Source::Baseline, 2, 2)]),
            ["AlertKind::Rate(800) Severity::Critical"]
        );
        assert_eq!(alerts("", vec![count(Source::Baseline, 100, 100)]), QUIET);
    }

    #[test]
    fn many_divergences_warn_whatever_the_rate() {
        assert_eq!(alerts("", vec![count(Source::Walk, 100_000, 10)]), QUIET);
        assert_eq!(
            alerts("", vec![count(Source::Walk, 100_000, 10), count(Source::Direct, 1, 1)]),
            ["AlertKind::Many(11) Severity::Warning"]
        );
    }

    #[test]
    fn rows_that_could_not_be_mirrored_warn() {
        let failed = |source| Count {
            failed: 11,
            ..count(source, 0, 0)
        };
        assert_eq!(
            alerts("", vec![failed(Source::Mirrored)]),
            ["AlertKind::FailedMirror(11) Severity::Warning"]
        );
        assert_eq!(alerts("", vec![failed(Source::Walk)]), QUIET);
    }

    #[test]
    fn open_divergences_are_reported_once_in_each_window() {
        assert_eq!(said("", Vec::new(), 3, 299), QUIET);
        assert_eq!(said("", Vec::new(), 3, 300), ["AlertKind::Report(3) Severity::Warning"]);
        assert_eq!(said("", Vec::new(), 0, u32::MAX), QUIET);
        assert_eq!(said("alerts.report = false", Vec::new(), 3, u32::MAX), QUIET);
    }

    #[test]
    fn counts_of_any_size_are_added_up() {
        let huge = || count(Source::Read, u64::MAX, u64::MAX);
        assert_eq!(alerts("", vec![huge(), huge()]).len(), 1, "many, and no panic");
    }
}
