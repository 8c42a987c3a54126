use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

/// How many lines the log takes of one module in a second.
const LINES: u32 = 100;

const SECOND: Duration = Duration::from_secs(1);

/// Bounds how much the instances of one module write to the log, on all threads together.
pub(crate) struct Lines {
    world: &'static str,
    second: Mutex<Second>,
}

/// One second of the log. It began with a line.
struct Second {
    began: Instant,
    written: u32,
    dropped: u64,
}

impl Lines {
    pub(crate) fn new(world: &'static str) -> Self {
        Self {
            world,
            second: Mutex::new(Second {
                began: Instant::now(),
                written: 0,
                dropped: 0,
            }),
        }
    }

    /// Whether one more line may be written. Once a second is over, the log says how many lines of it were dropped.
    pub(crate) fn admit(&self) -> bool {
        self.admit_at(Instant::now())
    }

    fn admit_at(&self, now: Instant) -> bool {
        let mut second = self.second();
        if now.saturating_duration_since(second.began) >= SECOND {
            let dropped = second.dropped;
            *second = Second {
                began: now,
                written: 0,
                dropped: 0,
            };
            self.tell(dropped);
        }
        let admitted = second.written < LINES;
        if admitted {
            second.written += 1;
        } else {
            if second.dropped == 0 {
                warn!(
                    target: "turnout::policy",
                    world = self.world,
                    "the policy logs more than {LINES} lines a second; the others of this second are dropped"
                );
            }
            second.dropped += 1;
        }
        admitted
    }

    fn tell(&self, dropped: u64) {
        if dropped > 0 {
            warn!(target: "turnout::policy", world = self.world, dropped, "log lines of the policy were dropped");
        }
    }

    fn second(&self) -> MutexGuard<'_, Second> {
        self.second.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let dropped = self.second().dropped;
        self.tell(dropped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_takes_so_many_lines_and_the_next_as_many_again() {
        let lines = Lines::new("routing");
        let began = Instant::now();
        for second in 0..3 {
            let now = began + SECOND * second + Duration::from_millis(second.into());
            let admitted = (0..1000).filter(|_| lines.admit_at(now)).count();
            assert_eq!(admitted, LINES as usize);
            assert_eq!(lines.second().dropped, 900);
        }
    }
}
