use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many calls of each function failed in a row. A call that goes well while none fails costs one load.
#[derive(Default)]
pub(super) struct Row {
    any: AtomicBool,
    failures: Mutex<HashMap<&'static str, u32>>,
}

impl Row {
    /// A call failed.
    pub(super) fn goes_on(&self, function: &'static str) {
        *self.failures().entry(function).or_default() += 1;
        self.any.store(true, Relaxed);
    }

    /// A call went well.
    pub(super) fn ends(&self, function: &'static str) {
        if self.any.load(Relaxed) {
            let mut failures = self.failures();
            failures.remove(function);
            self.any.store(!failures.is_empty(), Relaxed);
        }
    }

    pub(super) fn longest(&self) -> u32 {
        self.failures().values().copied().max().unwrap_or(0)
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<&'static str, u32>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Row;

    #[test]
    fn a_function_that_goes_well_does_not_end_the_row_of_another() {
        let row = Row::default();
        row.goes_on("authority");
        row.ends("admit");
        row.goes_on("authority");
        assert_eq!(row.longest(), 2);
        row.ends("authority");
        assert_eq!(row.longest(), 0);
    }
}
