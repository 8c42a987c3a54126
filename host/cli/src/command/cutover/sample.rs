use anyhow::Result;
use turnout_api::Status;

use crate::command::running::{Running, understood};

/// What a host counted since it began, and how the mirror stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sample {
    /// How many operations waited for a backend.
    pub(super) operations: f64,
    /// How many operations ended in an error.
    pub(super) errors: f64,
    /// How many operations took at most so many seconds, by that, in rising order.
    pub(super) buckets: Vec<(f64, f64)>,
    /// How many rows are known to differ.
    pub(super) diverged: u64,
    /// How many keys are parked.
    pub(super) parked: u64,
    /// How long the oldest change has waited to be mirrored, in seconds.
    pub(super) oldest: f64,
}

/// Asks a host.
pub(super) async fn take(host: &Running) -> Result<Sample> {
    let metrics = host.get("/metrics").await?;
    let status = host.get("/v1/status").await?;
    let mut sample = counted(&metrics);
    let status: Status = understood(&status)?;
    for (_, mirror) in status.mirror.iter() {
        for table in mirror.iter().flat_map(|mirror| &mirror.repositories) {
            sample.diverged += table.diverged;
            sample.parked += table.parked;
            sample.oldest = sample.oldest.max(table.oldest_seconds.unwrap_or_default());
        }
    }
    Ok(sample)
}

/// What the metrics count of operations, all repositories, actions and backends together.
fn counted(metrics: &str) -> Sample {
    let mut sample = Sample::default();
    for line in metrics.lines() {
        let Some((series, value)) = line.rsplit_once(' ') else {
            continue;
        };
        let Ok(value) = value.parse::<f64>() else { continue };
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        match name {
            "turnout_operation_duration_seconds_count" => sample.operations += value,
            "turnout_operation_errors_total" => sample.errors += value,
            "turnout_operation_duration_seconds_bucket" => {
                let bound = labels.split("le=\"").nth(1).and_then(|rest| rest.split('"').next());
                let bound = match bound {
                    Some("+Inf") => f64::INFINITY,
                    Some(bound) => bound.parse().unwrap_or(f64::INFINITY),
                    None => continue,
                };
                match sample
                    .buckets
                    .iter_mut()
                    .find(|(known, _)| known.total_cmp(&bound).is_eq())
                {
                    Some((_, count)) => *count += value,
                    None => sample.buckets.push((bound, value)),
                }
            }
            _ => {}
        }
    }
    sample.buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    sample
}

impl Sample {
    /// What was counted since an earlier sample of the same host; the mirror stands as it does now.
    pub(super) fn since(&self, before: &Self) -> Self {
        let count = |bound: f64| {
            let mut known = before.buckets.iter();
            known
                .find(|(known, _)| known.total_cmp(&bound).is_eq())
                .map_or(0.0, |(_, count)| *count)
        };
        Self {
            operations: self.operations - before.operations,
            errors: self.errors - before.errors,
            buckets: self
                .buckets
                .iter()
                .map(|(bound, counted)| (*bound, counted - count(*bound)))
                .collect(),
            ..*self
        }
    }

    /// The bound in seconds that 99 of 100 operations did not exceed; `None` of too few.
    pub(super) fn p99(&self, at_least: f64) -> Option<f64> {
        if self.operations < at_least {
            return None;
        }
        let mut buckets = self.buckets.iter();
        buckets
            .find(|(_, count)| *count >= self.operations * 0.99)
            .map(|(bound, _)| *bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = r#"# HELP turnout_operation_duration_seconds Time.
turnout_operation_duration_seconds_sum{repository="clients",action="find",backend="old"} 1.5
turnout_operation_duration_seconds_count{repository="clients",action="find",backend="old"} 100
turnout_operation_duration_seconds_bucket{repository="clients",action="find",backend="old",le="0.001"} 90
turnout_operation_duration_seconds_bucket{repository="clients",action="find",backend="old",le="0.002"} 99
turnout_operation_duration_seconds_bucket{repository="clients",action="find",backend="old",le="+Inf"} 100
turnout_operation_duration_seconds_count{repository="clients",action="find",backend="new"} 100
turnout_operation_duration_seconds_bucket{le="0.001",repository="clients",action="find",backend="new"} 100
turnout_operation_duration_seconds_bucket{le="0.002",repository="clients",action="find",backend="new"} 100
turnout_operation_duration_seconds_bucket{le="+Inf",repository="clients",action="find",backend="new"} 100
turnout_operation_errors_total{repository="clients",action="find",backend="new",kind="unavailable"} 3
"#;

    #[test]
    fn series_of_all_backends_are_counted_together() {
        let sample = counted(METRICS);
        assert_eq!((sample.operations, sample.errors), (200.0, 3.0));
        assert_eq!(sample.buckets[..2], [(0.001, 190.0), (0.002, 199.0)]);
        assert_eq!((sample.p99(100.0), sample.p99(201.0)), (Some(0.002), None));
        let since = sample.since(&sample);
        assert_eq!((since.operations, since.buckets[0]), (0.0, (0.001, 0.0)));
    }
}
