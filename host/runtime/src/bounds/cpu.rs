use std::time::Duration;

use nix::time::ClockId;
use wasmtime::{Store, UpdateDeadline};

use super::Failure;
use crate::policy::State;

/// Bounds the CPU time of the running call. Only a tick that finds a call running looks at the clock, so most calls pay nothing. Only the
/// thread's own time counts, so a stalled machine stops no good policy. A call is stopped within two ticks of its bound.
pub(crate) struct CpuBound {
    bound: Duration,
    /// The thread's CPU time at the first tick that found the call running.
    since: Option<Duration>,
}

impl CpuBound {
    pub(crate) const fn new(bound: Duration) -> Self {
        Self { bound, since: None }
    }

    /// Makes the [`CpuBound`] in the state of `store` bound every call of `store`.
    pub(crate) fn watch(store: &mut Store<State>) {
        store.epoch_deadline_callback(|mut store| {
            let now = ClockId::CLOCK_THREAD_CPUTIME_ID.now()?;
            store.data_mut().cpu.tick(now.into())?;
            Ok(UpdateDeadline::Continue(1))
        });
    }

    fn tick(&mut self, now: Duration) -> Result<(), Failure> {
        let used = now.saturating_sub(*self.since.get_or_insert(now));
        if used > self.bound {
            Err(Failure::OutOfTime { bound: self.bound })
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_time_of_the_thread_counts_and_only_from_the_first_tick_on() {
        let ms = Duration::from_millis;
        let mut cpu = CpuBound::new(ms(50));
        assert_eq!(cpu.tick(ms(7_000)), Ok(()));
        // A stall: ticks go by while the thread does not run.
        for _ in 0..100 {
            assert_eq!(cpu.tick(ms(7_001)), Ok(()));
        }
        assert_eq!(cpu.tick(ms(7_050)), Ok(()));
        assert_eq!(cpu.tick(ms(7_051)), Err(Failure::OutOfTime { bound: ms(50) }));
    }
}
