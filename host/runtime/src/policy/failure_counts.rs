use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long calls are counted after one that failed.
const WINDOW: Duration = Duration::from_mins(1);

/// How calls of each function failed lately. A call that goes well while none fails costs one load.
#[derive(Default)]
pub(super) struct FailureCounts {
    any: AtomicBool,
    functions: Mutex<HashMap<&'static str, Counted>>,
}

/// What is counted of a function since a call of it failed. That first call only begins the count, so that the rate is the rate of
/// the calls after it.
struct Counted {
    since: Instant,
    calls: u32,
    failed: u32,
    in_a_row: u32,
    contradicted: bool,
}

/// How a function of a policy fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failing {
    /// The function.
    pub function: &'static str,
    /// How many of its calls failed in a row.
    pub in_a_row: u32,
    /// How many calls were counted within a minute.
    pub calls: u32,
    /// How many of the counted calls failed.
    pub failed: u32,
    /// Whether two instances answered the same question differently.
    pub contradicted: bool,
}

impl FailureCounts {
    /// Notes that a call failed.
    pub(super) fn goes_on(&self, function: &'static str) {
        let now = Instant::now();
        let mut functions = self.functions();
        let counted = functions.entry(function).or_insert_with(|| Counted::new(now));
        if counted.in_a_row > 0 || counted.calls > 0 {
            counted.note(now, true);
        }
        counted.in_a_row += 1;
        self.any.store(true, Relaxed);
    }

    /// Notes that a call went well.
    pub(super) fn ends(&self, function: &'static str) {
        if !self.any.load(Relaxed) {
            return;
        }
        let now = Instant::now();
        let mut functions = self.functions();
        if let Some(counted) = functions.get_mut(function) {
            counted.in_a_row = 0;
            counted.note(now, false);
            if counted.failed == 0 && !counted.contradicted && now - counted.since > WINDOW {
                functions.remove(function);
            }
        }
        self.any.store(!functions.is_empty(), Relaxed);
    }

    /// Notes that two instances answered the same question differently.
    pub(super) fn contradicts(&self, function: &'static str) {
        let mut functions = self.functions();
        let counted = functions
            .entry(function)
            .or_insert_with(|| Counted::new(Instant::now()));
        counted.contradicted = true;
        self.any.store(true, Relaxed);
    }

    pub(super) fn all(&self) -> Vec<Failing> {
        if !self.any.load(Relaxed) {
            return Vec::new();
        }
        let functions = self.functions();
        let failing = functions.iter().map(|(function, counted)| Failing {
            function,
            in_a_row: counted.in_a_row,
            calls: counted.calls,
            failed: counted.failed,
            contradicted: counted.contradicted,
        });
        failing.collect()
    }

    fn functions(&self) -> MutexGuard<'_, HashMap<&'static str, Counted>> {
        self.functions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    const fn new(now: Instant) -> Self {
        Self {
            since: now,
            calls: 0,
            failed: 0,
            in_a_row: 0,
            contradicted: false,
        }
    }

    fn note(&mut self, now: Instant, failed: bool) {
        // A window with a failure, or one that ends with a failure, is followed by another window.
        if now - self.since > WINDOW && (self.failed > 0 || failed) {
            (self.since, self.calls, self.failed) = (now, 0, 0);
        }
        self.calls = self.calls.saturating_add(1);
        self.failed = self.failed.saturating_add(u32::from(failed));
    }
}

#[cfg(test)]
mod tests {
    use super::FailureCounts;

    fn in_a_row(counts: &FailureCounts) -> u32 {
        counts.all().iter().map(|failing| failing.in_a_row).max().unwrap_or(0)
    }

    #[test]
    fn a_function_that_goes_well_does_not_end_the_row_of_another() {
        let counts = FailureCounts::default();
        counts.goes_on("authority");
        counts.ends("admit");
        counts.goes_on("authority");
        assert_eq!(in_a_row(&counts), 2);
        counts.ends("authority");
        assert_eq!(in_a_row(&counts), 0);
    }

    #[test]
    fn one_failure_in_a_hundred_calls_is_counted_as_such() {
        let counts = FailureCounts::default();
        for _ in 0..4 {
            counts.goes_on("admit");
            for _ in 0..99 {
                counts.ends("admit");
                counts.ends("authority");
            }
        }
        let [admit] = counts.all()[..] else {
            panic!("another function is said to fail")
        };
        assert_eq!((admit.calls, admit.failed, admit.in_a_row), (399, 3, 0));
    }
}
