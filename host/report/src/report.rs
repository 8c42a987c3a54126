use std::collections::BTreeMap;

use serde::Serialize;
use turnout_backends::{Minutes, PastHandoff};
use turnout_vocabulary::{Backend, Latencies, PerBackend};

use crate::data::Data;
use crate::proof::Proof;

/// What a parallel run came to. Times are in seconds of Unix time.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// When it begins.
    pub since: i64,
    /// When it ends.
    pub until: i64,
    /// How many seconds each point sums up.
    pub step: i32,
    /// What the databases are called.
    pub labels: PerBackend<String>,
    /// All of it.
    pub totals: Totals,
    /// By time.
    pub points: Vec<Point>,
    /// By repository and action.
    pub operations: Vec<Operations>,
    /// The changes of epochs.
    pub handoffs: Vec<PastHandoff>,
    /// The alerts by kind, the most frequent first.
    pub alerts: Vec<AlertsOfKind>,
    /// What was proved.
    pub evidence: Vec<Proof>,
}

/// What happened over the whole time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    /// How many operations there were.
    pub operations: u64,
    /// How many of them failed.
    pub errors: u64,
    /// The same by the backend that answered.
    pub sides: PerBackend<Side>,
    /// How many reads were compared.
    pub compared: u64,
    /// The part of them that was found to differ; `None` if none was compared.
    pub diverged_rate: Option<f64>,
    /// The part of them that could not be told, because rows changed meanwhile: the noise of the rate.
    pub noise_rate: Option<f64>,
}

/// What happened at one time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Point {
    /// When the first of its minutes began.
    pub at: i64,
    /// By the backend that answered.
    pub sides: PerBackend<Side>,
    /// How many operations failed before a backend was asked.
    pub unanswered: u64,
    /// How many reads were compared.
    pub compared: u64,
    /// The part of them that was found to differ.
    pub diverged_rate: Option<f64>,
    /// The part of them that could not be told.
    pub noise_rate: Option<f64>,
}

/// One backend.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Side {
    /// How many operations it answered.
    pub operations: u64,
    /// How many of them failed.
    pub errors: u64,
    /// How long they waited for it.
    pub latency: Percentiles,
    /// The age of the oldest change of it that waited to be mirrored, at most, in milliseconds.
    pub mirror_age_ms: Option<u64>,
    /// How many changes of it waited to be mirrored at most.
    pub dirty: Option<u64>,
}

/// Percentiles of latencies in milliseconds, as far as buckets tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// The median.
    pub p50_ms: Option<f64>,
    /// What 95 of 100 did not exceed.
    pub p95_ms: Option<f64>,
    /// What 99 of 100 did not exceed.
    pub p99_ms: Option<f64>,
}

/// What happened in one repository.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Operations {
    /// The repository.
    pub repository: String,
    /// What was done.
    pub action: String,
    /// By the backend that answered.
    pub sides: PerBackend<Side>,
    /// How many operations failed before a backend was asked.
    pub unanswered: u64,
}

/// The alerts of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertsOfKind {
    /// The kind.
    pub kind: String,
    /// How much they matter.
    pub severity: String,
    /// How many there were.
    pub alerts: u64,
    /// When the last was raised, to a step.
    pub last: i64,
}

impl Percentiles {
    fn of(latencies: &Latencies) -> Self {
        Self {
            p50_ms: latencies.quantile_ms(0.5),
            p95_ms: latencies.quantile_ms(0.95),
            p99_ms: latencies.quantile_ms(0.99),
        }
    }
}

/// What was summed up so far of one point, or of all.
#[derive(Default)]
struct Sum {
    sides: PerBackend<(Side, Latencies)>,
    operations: u64,
    errors: u64,
    unanswered: u64,
    equal: u64,
    unsettled: u64,
    diverged: u64,
}

impl Sum {
    fn add(&mut self, minutes: &Minutes) {
        self.operations += minutes.operations;
        self.errors += minutes.errors;
        self.equal += minutes.equal;
        self.unsettled += minutes.unsettled;
        self.diverged += minutes.diverged;
        match backend(&minutes.backend) {
            Some(backend) => {
                let (side, latencies) = &mut self.sides[backend];
                side.operations += minutes.operations;
                side.errors += minutes.errors;
                side.mirror_age_ms = side.mirror_age_ms.max(minutes.mirror_age_ms);
                side.dirty = side.dirty.max(minutes.dirty);
                latencies.add(&minutes.latency);
            }
            None => self.unanswered += minutes.errors,
        }
    }

    fn compared(&self) -> u64 {
        self.equal + self.unsettled + self.diverged
    }

    fn rate(&self, part: u64) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no precision")]
        let rate = part as f64 / self.compared() as f64;
        (self.compared() > 0).then_some(rate)
    }

    fn sides(&self) -> PerBackend<Side> {
        self.sides.as_ref().map(|(side, latencies)| Side {
            latency: Percentiles::of(latencies),
            ..side.clone()
        })
    }
}

fn backend(word: &str) -> Option<Backend> {
    Backend::ALL.into_iter().find(|backend| backend.as_str() == word)
}

impl Report {
    /// What was kept, worked out.
    #[must_use]
    pub fn of(data: &Data) -> Self {
        let mut total = Sum::default();
        let mut sums: BTreeMap<i64, Sum> = BTreeMap::new();
        for minutes in &data.minutes {
            total.add(minutes);
            sums.entry(minutes.at).or_default().add(minutes);
        }
        let points = sums.iter().map(|(at, sum)| Point {
            at: *at,
            sides: sum.sides(),
            unanswered: sum.unanswered,
            compared: sum.compared(),
            diverged_rate: sum.rate(sum.diverged),
            noise_rate: sum.rate(sum.unsettled),
        });
        Self {
            since: data.since,
            until: data.until,
            step: data.step,
            labels: data.labels.clone(),
            totals: Totals {
                operations: total.operations,
                errors: total.errors,
                sides: total.sides(),
                compared: total.compared(),
                diverged_rate: total.rate(total.diverged),
                noise_rate: total.rate(total.unsettled),
            },
            points: points.collect(),
            operations: operations(data),
            handoffs: data.handoffs.clone(),
            alerts: alerts(data),
            evidence: data.evidence.iter().map(Proof::of).collect(),
        }
    }
}

fn operations(data: &Data) -> Vec<Operations> {
    let mut found: BTreeMap<(&str, &str), Operations> = BTreeMap::new();
    for of_backend in &data.operations {
        let (repository, action) = (of_backend.repository.as_str(), of_backend.action.as_str());
        let operations = found.entry((repository, action)).or_insert_with(|| Operations {
            repository: repository.to_owned(),
            action: action.to_owned(),
            sides: PerBackend::default(),
            unanswered: 0,
        });
        match backend(&of_backend.backend) {
            Some(backend) => {
                operations.sides[backend] = Side {
                    operations: of_backend.operations,
                    errors: of_backend.errors,
                    latency: Percentiles::of(&of_backend.latency),
                    ..Side::default()
                };
            }
            None => operations.unanswered = of_backend.errors,
        }
    }
    found.into_values().collect()
}

fn alerts(data: &Data) -> Vec<AlertsOfKind> {
    let mut found: BTreeMap<(&str, &str), (u64, i64)> = BTreeMap::new();
    for alerts in &data.alerts {
        let (count, last) = found.entry((&alerts.kind, &alerts.severity)).or_default();
        *count += alerts.alerts;
        *last = alerts.at.max(*last);
    }
    let mut kinds: Vec<AlertsOfKind> = found
        .into_iter()
        .map(|((kind, severity), (alerts, last))| AlertsOfKind {
            kind: kind.to_owned(),
            severity: severity.to_owned(),
            alerts,
            last,
        })
        .collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.alerts));
    kinds
}

#[cfg(test)]
pub(crate) mod tests {
    use turnout_backends::{Alerts, OperationMinutes};

    use super::*;

    /// Two minutes of a parallel run.
    pub(crate) fn data() -> Data {
        let minutes = |at, backend: &str, operations, errors, latency: &[u64]| Minutes {
            at,
            backend: backend.to_owned(),
            operations,
            errors,
            latency: Latencies(latency.to_vec()),
            ..Minutes::default()
        };
        let compared = Minutes {
            equal: 90,
            unsettled: 8,
            diverged: 2,
            ..minutes(120, "none", 1, 1, &[])
        };
        let mirrored = Minutes {
            mirror_age_ms: Some(1500),
            dirty: Some(7),
            ..minutes(60, "old", 10, 1, &[0, 9, 1])
        };
        Data {
            since: 60,
            until: 180,
            step: 60,
            labels: PerBackend {
                old: "supabase".to_owned(),
                new: "<timeweb>".to_owned(),
            },
            minutes: vec![mirrored, minutes(120, "new", 20, 0, &[20]), compared],
            operations: vec![OperationMinutes {
                repository: "clients & co".to_owned(),
                action: "find".to_owned(),
                backend: "new".to_owned(),
                operations: 20,
                errors: 0,
                latency: Latencies(vec![20]),
            }],
            alerts: vec![Alerts {
                at: 120,
                kind: "divergence".to_owned(),
                severity: "warning".to_owned(),
                alerts: 3,
            }],
            handoffs: vec![PastHandoff {
                epoch: 2,
                at: 100,
                seconds: Some(0.25),
                forced: None,
            }],
            evidence: Vec::new(),
        }
    }

    #[test]
    fn minutes_are_summed_by_time_and_side() {
        let report = Report::of(&data());
        let totals = &report.totals;
        assert_eq!((totals.operations, totals.errors, totals.compared), (31, 2, 100));
        assert_eq!((totals.diverged_rate, totals.noise_rate), (Some(0.02), Some(0.08)));
        assert_eq!((totals.sides.old.operations, totals.sides.new.operations), (10, 20));
        assert_eq!(
            (totals.sides.old.mirror_age_ms, totals.sides.old.dirty),
            (Some(1500), Some(7))
        );
        let points: Vec<_> = report
            .points
            .iter()
            .map(|point| (point.at, point.unanswered, point.compared))
            .collect();
        assert_eq!(points, [(60, 0, 0), (120, 1, 100)]);
        assert_eq!(report.points[0].diverged_rate, None);
        assert!(report.points[1].sides.new.latency.p99_ms.is_some_and(|ms| ms <= 0.25));
        assert_eq!((report.alerts[0].alerts, report.alerts[0].last), (3, 120));
        assert_eq!(report.operations[0].sides.new.operations, 20);
    }

    #[test]
    fn nothing_kept_makes_an_empty_report() {
        let report = Report::of(&Data::default());
        assert_eq!(report.totals, Totals::default());
        assert!(report.points.is_empty());
    }
}
