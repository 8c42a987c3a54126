//! How a backend is doing, as the operations on it see it.
//!
//! Durations of the last 128 answers stand in a ring of atomics. Whoever records every sixteenth one works out the
//! 95th percentile and stores it, so recording costs a few atomic stores and reading costs two loads.

use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};
use std::time::{Duration, Instant};

use turnout_vocabulary::Health;

const REMEMBERED: usize = 128;
const REFRESH_EVERY: usize = 16;

/// A running account of one backend's health.
pub(crate) struct Pulse {
    up: AtomicBool,
    /// Microseconds; zero where nothing is recorded yet.
    answers: [AtomicU32; REMEMBERED],
    recorded: AtomicUsize,
    p95: AtomicU32,
    started: Instant,
    /// Microseconds since `started`.
    last_answer: AtomicU64,
}

impl Pulse {
    /// A backend counts as up until something says otherwise.
    pub(crate) fn new() -> Self {
        Self {
            up: AtomicBool::new(true),
            answers: [const { AtomicU32::new(0) }; REMEMBERED],
            recorded: AtomicUsize::new(0),
            p95: AtomicU32::new(0),
            started: Instant::now(),
            last_answer: AtomicU64::new(0),
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.up.load(SeqCst)
    }

    /// Sets whether the backend is up, and says whether that is news.
    pub(crate) fn set_up(&self, up: bool) -> bool {
        self.up.swap(up, SeqCst) != up
    }

    pub(crate) fn record(&self, took: Duration) {
        self.last_answer.store(self.micros_since_start(), Relaxed);
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
        let place = self.recorded.fetch_add(1, Relaxed);
        self.answers[place % REMEMBERED].store(micros, Relaxed);
        if place < REFRESH_EVERY || place.is_multiple_of(REFRESH_EVERY) {
            self.p95.store(self.compute_p95(), Relaxed);
        }
    }

    /// Whether the backend has answered anything since `instant`.
    pub(crate) fn answered_since(&self, instant: Instant) -> bool {
        let since = u64::try_from(instant.duration_since(self.started).as_micros()).unwrap_or(u64::MAX);
        self.last_answer.load(Relaxed) > since
    }

    pub(crate) fn health(&self) -> Health {
        Health {
            up: self.is_up(),
            p95: Duration::from_micros(self.p95.load(Relaxed).into()),
        }
    }

    fn micros_since_start(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn compute_p95(&self) -> u32 {
        let mut sorted = [0; REMEMBERED];
        let mut count = 0;
        for micros in self
            .answers
            .iter()
            .map(|answer| answer.load(Relaxed))
            .filter(|micros| *micros > 0)
        {
            sorted[count] = micros;
            count += 1;
        }
        let place = (count * 95).div_ceil(100).saturating_sub(1);
        *sorted[..count.max(1)].select_nth_unstable(place).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p95_is_zero_before_the_first_answer_and_follows_the_recent_ones() {
        let pulse = Pulse::new();
        assert_eq!(
            pulse.health(),
            Health {
                up: true,
                p95: Duration::ZERO
            }
        );
        pulse.record(Duration::from_millis(7));
        assert_eq!(pulse.health().p95, Duration::from_millis(7));
        for _ in 0..2 * REMEMBERED {
            pulse.record(Duration::from_millis(2));
        }
        assert_eq!(pulse.health().p95, Duration::from_millis(2));
    }

    #[test]
    fn p95_ignores_the_slowest_twentieth() {
        let pulse = Pulse::new();
        for answer in 1..=2 * REMEMBERED {
            pulse.record(Duration::from_millis(if answer % 32 == 0 { 900 } else { 3 }));
        }
        assert_eq!(pulse.health().p95, Duration::from_millis(3));
    }

    #[test]
    fn a_backend_that_goes_down_is_news_once() {
        let pulse = Pulse::new();
        assert!(pulse.set_up(false));
        assert!(!pulse.set_up(false));
        assert!(!pulse.health().up);
    }
}
