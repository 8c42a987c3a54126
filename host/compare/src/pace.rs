use std::time::Duration;

use tokio::time::sleep;

/// How many rows the first step reads.
const FIRST_STEP: u64 = 1_000;

/// How many rows a step reads at most. This bounds the memory that the rows of a range take when they are paired.
const LONGEST_STEP: u64 = 20_000;

/// How long a step should take: well within any statement timeout.
const STEP: Duration = Duration::from_millis(300);

/// The share of the time in which a walk may keep the databases busy, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load(u8);

impl Load {
    /// All of the time.
    pub const FULL: Self = Self(100);

    /// A quarter of the time.
    pub const QUARTER: Self = Self(25);

    /// A share between 1 and 100 percent; `None` for any other number.
    #[must_use]
    pub fn percent(percent: u8) -> Option<Self> {
        (1..=100).contains(&percent).then_some(Self(percent))
    }

    /// The share in percent.
    #[must_use]
    pub fn as_percent(self) -> u8 {
        self.0
    }

    /// How long to rest after a step. A busy database takes longer for a step, so the rest grows with its own load.
    #[must_use]
    pub fn rest_after(self, step: Duration) -> Duration {
        step * u32::from(100 - self.0) / u32::from(self.0)
    }
}

/// How much a walk reads at once, and how long it rests in between.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    length: u64,
    load: Load,
}

impl Pace {
    pub(crate) fn new(load: Load) -> Self {
        Self {
            length: FIRST_STEP,
            load,
        }
    }

    /// How many rows the next step reads.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// A step was too much for one statement. False if no shorter step is possible.
    pub(crate) fn shorten(&mut self) -> bool {
        let can_be_shorter = self.length > 1;
        self.length = (self.length / 4).max(1);
        can_be_shorter
    }

    /// Takes note of how long a step took, and rests. The next step is at least a quarter and at most twice as long.
    pub(crate) async fn rest(&mut self, took: Duration) {
        let fitting = u128::from(self.length) * STEP.as_micros() / took.as_micros().max(1);
        self.length = u64::try_from(fitting)
            .unwrap_or(u64::MAX)
            .clamp(self.length / 4, self.length * 2)
            .clamp(1, LONGEST_STEP);
        let rest = self.load.rest_after(took);
        if !rest.is_zero() {
            sleep(rest).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_follows_load_and_duration() {
        let step = Duration::from_millis(100);
        assert_eq!(Load::FULL.rest_after(step), Duration::ZERO);
        assert_eq!(Load::percent(50).unwrap().rest_after(step), step);
        assert_eq!(Load::percent(20).unwrap().rest_after(step), step * 4);
        assert_eq!((Load::percent(0), Load::percent(101)), (None, None));
    }

    #[tokio::test]
    async fn a_step_grows_and_shrinks_within_bounds() {
        let mut pace = Pace::new(Load::FULL);
        for _ in 0..10 {
            pace.rest(Duration::from_millis(1)).await;
        }
        assert_eq!(pace.length(), LONGEST_STEP);
        while pace.shorten() {}
        assert_eq!(pace.length(), 1);
    }
}
