//! How much CPU time code has had.

use std::time::Duration;

use nix::time::ClockId;

/// The CPU time that the calling thread has had. What others do on the machine meanwhile is not in it.
pub fn of_this_thread() -> Duration {
    // Every thread has this clock.
    ClockId::CLOCK_THREAD_CPUTIME_ID
        .now()
        .map(Duration::from)
        .unwrap_or_default()
}
