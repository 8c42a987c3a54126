use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// Which connections may be used: those made after the last one broke, or after one was found to keep an old setting.
pub(crate) struct Trust {
    started: Instant,
    /// Microseconds since `started`.
    distrusted_before: AtomicU64,
}

impl Trust {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            distrusted_before: AtomicU64::new(0),
        }
    }

    /// No connection that exists now may be used again.
    pub(crate) fn distrust_all_so_far(&self) {
        self.distrusted_before.fetch_max(micros(self.started.elapsed()), SeqCst);
    }

    /// Whether a connection made then may be used.
    pub(crate) fn trusts(&self, made: Instant) -> bool {
        micros(made.saturating_duration_since(self.started)) >= self.distrusted_before.load(SeqCst)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connections_made_after_a_break_are_trusted() {
        let trust = Trust::new();
        let before = Instant::now();
        assert!(trust.trusts(before));
        std::thread::sleep(Duration::from_millis(1));
        trust.distrust_all_so_far();
        let after = Instant::now();
        assert!(!trust.trusts(before));
        assert!(trust.trusts(after));
    }
}
