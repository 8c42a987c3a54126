use std::hash::{BuildHasher, RandomState};

/// The share of the rows that a walk compares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample(f64);

impl Sample {
    /// All rows.
    pub const ALL: Self = Self(1.0);

    /// A share between 0 and 100 percent, 0 excluded; `None` for any other number.
    #[must_use]
    pub fn percent(percent: f64) -> Option<Self> {
        (percent > 0.0 && percent <= 100.0).then_some(Self(percent / 100.0))
    }

    /// The share in percent.
    #[must_use]
    pub fn in_percent(self) -> f64 {
        self.0 * 100.0
    }

    /// Whether it is all of the rows.
    #[must_use]
    pub fn is_all(self) -> bool {
        self.0 >= 1.0
    }

    /// Whether a range or a part belongs to the sample, by chance.
    pub(super) fn takes_one(self) -> bool {
        // Each state of the hasher is random.
        let chance = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or_default();
        self.is_all() || f64::from(chance) < self.0 * f64::from(u32::MAX)
    }
}
