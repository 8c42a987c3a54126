use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::sleep;

use super::sample::{self, Sample};
use crate::command::running::Running;

/// How often the host is asked.
const LOOK: Duration = Duration::from_secs(1);

/// How long a host may be silent.
const SILENT: Duration = Duration::from_secs(10);

/// By how many of a hundred operations more may fail than before.
const MORE_ERRORS: f64 = 0.01;

/// How many operations must fail before that is judged.
const ERRORS: f64 = 5.0;

/// How many times slower 99 of 100 operations may be than before. The times are counted in buckets, each about twice the one before.
const SLOWER: f64 = 2.5;

/// Of how many operations times are judged.
const TIMED: f64 = 100.0;

/// How long the oldest change may wait to be mirrored, in seconds.
const OLDEST: f64 = 10.0;

/// What followed a cutover.
pub(super) struct Watch {
    /// How long it was watched.
    pub(super) watched: Duration,
    /// What was broken, each in words.
    pub(super) broken: Vec<String>,
    since: Sample,
}

impl Watch {
    /// Watches for so long, or until something is broken.
    pub(super) async fn follow(host: &Running, before: Sample, time: Duration) -> Self {
        let began = Instant::now();
        let mut seen = began;
        let bar = ProgressBar::new(time.as_secs()).with_style(
            ProgressStyle::with_template("watching {pos} of {len} s: {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        let mut watch = Self {
            watched: Duration::ZERO,
            broken: Vec::new(),
            since: Sample::default(),
        };
        while watch.broken.is_empty() && began.elapsed() < time {
            sleep(LOOK.min(time.saturating_sub(began.elapsed()))).await;
            let taken = sample::take(host).await;
            watch.watched = began.elapsed();
            match taken {
                Ok(now) => {
                    seen = Instant::now();
                    watch.since = now.since(&before);
                    watch.broken = broken(&before, &watch.since);
                }
                // The host may be on its way back.
                Err(error) if seen.elapsed() >= SILENT => {
                    watch.broken.push(format!("the host does not answer: {error}"));
                }
                Err(_) => {}
            }
            bar.set_position(watch.watched.as_secs());
            bar.set_message(format!("{} operations, {} errors", watch.operations(), watch.errors()));
        }
        bar.finish_and_clear();
        watch
    }

    /// How many operations there were.
    pub(super) fn operations(&self) -> f64 {
        self.since.operations
    }

    /// How many of them ended in an error.
    pub(super) fn errors(&self) -> f64 {
        self.since.errors
    }

    /// What followed, for people.
    pub(super) fn in_words(&self) -> String {
        let watched = format!(
            "watched for {} s: {} operations, {} errors",
            self.watched.as_secs(),
            self.operations(),
            self.errors()
        );
        if self.broken.is_empty() {
            return format!("{watched}; nothing is broken");
        }
        format!("{watched}; broken: {}", self.broken.join("; "))
    }
}

/// What is broken, by what was before and what came since.
fn broken(before: &Sample, since: &Sample) -> Vec<String> {
    let rate = |sample: &Sample| sample.errors / sample.operations.max(1.0);
    let mut broken = Vec::new();
    if since.errors >= ERRORS && rate(since) > rate(before) + MORE_ERRORS {
        broken.push(format!("{} of {} operations failed", since.errors, since.operations));
    }
    if let (Some(earlier), Some(now)) = (before.p99(TIMED), since.p99(TIMED))
        && now > earlier * SLOWER
    {
        broken.push(format!(
            "99 of 100 operations took up to {:.1} ms, and {:.1} ms before",
            now * 1000.0,
            earlier * 1000.0
        ));
    }
    if since.diverged > before.diverged {
        broken.push(format!("{} more rows differ", since.diverged - before.diverged));
    }
    if since.parked > before.parked {
        broken.push(format!("{} more keys are parked", since.parked - before.parked));
    }
    if since.oldest > OLDEST {
        broken.push(format!("a change has waited for {:.0} s to be mirrored", since.oldest));
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(operations: f64, errors: f64, bound: f64) -> Sample {
        Sample {
            operations,
            errors,
            buckets: vec![(bound, operations)],
            ..Sample::default()
        }
    }

    #[test]
    fn only_what_became_worse_is_broken() {
        let before = sample(1000.0, 100.0, 0.01);
        assert_eq!(broken(&before, &sample(1000.0, 105.0, 0.025)), Vec::<String>::new());
        assert_eq!(broken(&before, &sample(10.0, 4.0, 0.01)), Vec::<String>::new());
        assert_eq!(
            broken(&before, &sample(1000.0, 120.0, 0.05)),
            [
                "120 of 1000 operations failed",
                "99 of 100 operations took up to 50.0 ms, and 10.0 ms before",
            ]
        );
        let stands = Sample {
            diverged: 2,
            parked: 1,
            oldest: 11.0,
            ..sample(0.0, 0.0, 0.01)
        };
        assert_eq!(
            broken(&before, &stands),
            [
                "2 more rows differ",
                "1 more keys are parked",
                "a change has waited for 11 s to be mirrored",
            ]
        );
        let known = Sample {
            diverged: 2,
            parked: 1,
            ..before
        };
        let stands = Sample { oldest: 1.0, ..stands };
        assert_eq!(broken(&known, &stands), Vec::<String>::new());
    }
}
