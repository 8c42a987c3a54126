use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// How long a connection may lie idle and still be used as it is. One idle for longer is tried first: firewalls and
/// poolers drop quiet connections, and a write that finds this out can't be repeated.
const TRUSTED_IDLE: Duration = Duration::from_secs(30);

/// Which pooled connections may be used: those made after the last one broke.
pub(super) struct Trust {
    started: Instant,
    /// Microseconds since `started`.
    distrusted_before: AtomicU64,
}

impl Trust {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            distrusted_before: AtomicU64::new(0),
        }
    }

    /// No connection that exists now may be used again.
    pub(super) fn distrust_all_so_far(&self) {
        self.distrusted_before.fetch_max(micros(self.started.elapsed()), SeqCst);
    }

    /// Whether a connection of this age may be used.
    pub(super) fn trusts(&self, age: Duration) -> bool {
        micros(self.started.elapsed().saturating_sub(age)) >= self.distrusted_before.load(SeqCst)
    }

    /// Whether a connection that lay idle for so long must be tried before it is used.
    pub(super) fn needs_trial(idle: Duration) -> bool {
        idle > TRUSTED_IDLE
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
        assert!(trust.trusts(before.elapsed()));
        std::thread::sleep(Duration::from_millis(1));
        trust.distrust_all_so_far();
        let after = Instant::now();
        assert!(!trust.trusts(before.elapsed()));
        assert!(trust.trusts(after.elapsed()));
    }
}
