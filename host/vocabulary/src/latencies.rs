use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many buckets there are. Each ends √2 times as late as the one before, from a quarter of a millisecond to 16 seconds; the last has
/// whatever took longer.
pub const LATENCY_BUCKETS: usize = 34;

/// The end of the first bucket.
const FIRST: Duration = Duration::from_micros(250);

/// How often each latency was met, by buckets, so that counts of many minutes and hosts add up. Buckets at the end may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latencies(pub Vec<u64>);

impl Latencies {
    /// The bucket of a latency.
    #[must_use]
    pub fn bucket(latency: Duration) -> usize {
        let ends = latency.as_secs_f64() / FIRST.as_secs_f64();
        if ends <= 1.0 {
            return 0;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "above zero, and the logarithm of a time is small"
        )]
        let bucket = (2.0 * ends.log2()).ceil() as usize;
        bucket.min(LATENCY_BUCKETS - 1)
    }

    /// Adds the counts of others.
    pub fn add(&mut self, others: &Self) {
        if self.0.len() < others.0.len() {
            self.0.resize(others.0.len(), 0);
        }
        for (count, other) in self.0.iter_mut().zip(&others.0) {
            *count += other;
        }
    }

    /// The latency in milliseconds that this part of all, from 0 to 1, did not exceed, as far as buckets tell: within its bucket it is
    /// interpolated. `None` if there are none.
    #[must_use]
    pub fn quantile_ms(&self, part: f64) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a count this large needs no precision")]
        let counts: Vec<f64> = self.0.iter().map(|count| *count as f64).collect();
        let wanted = counts.iter().sum::<f64>() * part;
        let mut before = 0.0;
        for (bucket, &count) in counts.iter().enumerate() {
            if count > 0.0 && before + count >= wanted {
                let start = if bucket == 0 { 0.0 } else { end_ms(bucket - 1) };
                return Some(start + (end_ms(bucket) - start) * ((wanted - before) / count).clamp(0.0, 1.0));
            }
            before += count;
        }
        None
    }
}

/// The end of a bucket in milliseconds.
fn end_ms(bucket: usize) -> f64 {
    let steps = u32::try_from(bucket).unwrap_or(u32::MAX);
    FIRST.as_secs_f64() * 1000.0 * (f64::from(steps) / 2.0).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_is_in_the_bucket_that_ends_after_it() {
        for micros in [1, 250, 251, 353, 354, 1000, 20_000, 16_000_000] {
            let bucket = Latencies::bucket(Duration::from_micros(micros));
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let ms = micros as f64 / 1000.0;
            assert!(ms <= end_ms(bucket) + 1e-9, "{micros}");
            assert!(bucket == 0 || ms > end_ms(bucket - 1) - 1e-9, "{micros}");
        }
        assert_eq!(Latencies::bucket(Duration::from_hours(1)), LATENCY_BUCKETS - 1);
    }

    #[test]
    fn quantiles_of_sums_lie_within_their_buckets() {
        let mut all = Latencies::default();
        assert_eq!(all.quantile_ms(0.5), None);
        for (micros, times) in [(1000, 90), (40_000, 10)] {
            let mut counts = vec![0; Latencies::bucket(Duration::from_micros(micros)) + 1];
            if let Some(last) = counts.last_mut() {
                *last = times;
            }
            all.add(&Latencies(counts));
        }
        let at = |part| all.quantile_ms(part).unwrap_or_default();
        assert!((0.7..=1.0).contains(&at(0.5)), "{}", at(0.5));
        assert!((32.0..=45.3).contains(&at(0.95)), "{}", at(0.95));
        assert!(at(0.95) < at(0.99) && at(0.99) < 45.3);
    }
}
