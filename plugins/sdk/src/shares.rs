use twox_hash::XxHash64;

use crate::SettingsError;

/// How many parts all subjects are divided into. Percentages are kept as finely as that.
const PARTS: u64 = 100_000_000;

/// Percentages of all subjects, each with a value for the subjects in it. Shares take their subjects one after the other, in the order in
/// which they were added. A subject falls into the same place in every policy and every version. So it stays in its share while the
/// percentage grows and the shares before it stay as they are.
///
/// ```
/// use turnout_policy::Shares;
///
/// let mut shares = Shares::default();
/// shares.add(40.0, "live").unwrap();
/// shares.add(60.0, "shadow").unwrap();
/// assert_eq!(shares.of("+79990000000"), Some(&"live"));
/// assert_eq!(shares.of("+79686484488"), Some(&"shadow"));
/// ```
#[derive(Clone, Debug)]
pub struct Shares<T> {
    /// For each percentage, the first part that no longer belongs to it, ascending.
    slices: Vec<(u64, T)>,
}

impl<T> Default for Shares<T> {
    fn default() -> Self {
        Self { slices: Vec::new() }
    }
}

impl<T> Shares<T> {
    /// Adds a share after the existing ones: a percentage, kept to a millionth of a percent. A share of 0 has nobody.
    ///
    /// # Errors
    /// [`SettingsError`] at the figure itself if it is no percentage, or if all together are more than 100; see
    /// [`SettingsError::within`].
    pub fn add(&mut self, percent: f64, value: T) -> Result<(), SettingsError> {
        if !(0.0..=100.0).contains(&percent) {
            return Err(SettingsError::at(
                "",
                format!("{percent} is not a percentage from 0 to 100"),
            ));
        }
        let start = self.slices.last().map_or(0, |(end, _)| *end);
        let end = start + parts(percent);
        if end > PARTS {
            return Err(SettingsError::at(
                "",
                "with this the percentages are more than 100 together",
            ));
        }
        if end > start {
            self.slices.push((end, value));
        }
        Ok(())
    }

    /// The value of the share that a subject is in; `None` if it is in none.
    #[must_use]
    pub fn of(&self, subject: &str) -> Option<&T> {
        if self.slices.is_empty() {
            return None;
        }
        let part = part(subject);
        self.slices.iter().find(|(end, _)| part < *end).map(|(_, value)| value)
    }

    /// The values of the shares that have somebody, in the order of the shares.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.slices.iter().map(|(_, value)| value)
    }
}

/// The part that a subject falls into. This function must never change: subjects would change sides with it.
fn part(subject: &str) -> u64 {
    ((XxHash64::oneshot(0, subject.as_bytes()) >> 32) * PARTS) >> 32
}

/// How many parts a percentage from 0 to 100 is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "0 to PARTS"
)]
fn parts(percent: f64) -> u64 {
    (percent / 100.0 * PARTS as f64).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phones() -> impl Iterator<Item = String> {
        (0..10_000).map(|number| format!("+7968{number:07}"))
    }

    fn percent(percent: f64) -> Shares<()> {
        let mut shares = Shares::default();
        shares.add(percent, ()).unwrap();
        shares
    }

    #[test]
    fn a_percentage_takes_about_that_share_of_the_subjects() {
        for (share, expected) in [
            (0.0, 0..=0),
            (5.0, 400..=600),
            (50.0, 4_800..=5_200),
            (100.0, 10_000..=10_000),
        ] {
            let shares = percent(share);
            let inside = phones().filter(|phone| shares.of(phone).is_some()).count();
            assert!(expected.contains(&inside), "{share} %: {inside}");
        }
    }

    #[test]
    fn a_subject_stays_while_the_figure_grows() {
        let shares: Vec<_> = (0..=100).map(|share| percent(f64::from(share))).collect();
        for phone in phones() {
            let mut inside = false;
            for (share, shares) in shares.iter().enumerate() {
                let now = shares.of(&phone).is_some();
                assert!(now || !inside, "{phone} left at {share} %");
                inside = now;
            }
        }
    }

    #[test]
    fn where_a_subject_falls_never_changes() {
        assert_eq!(
            [part("+79686484488"), part("+79990000000"), part("")],
            [88_543_326, 12_342_435, 93_467_493]
        );
    }

    #[test]
    fn a_percentage_is_from_0_to_100() {
        for percent in [-0.1, 100.1, 1e300, f64::NAN] {
            let error = Shares::default().add(percent, ()).unwrap_err();
            assert_eq!(error.reason(), format!("{percent} is not a percentage from 0 to 100"));
        }
    }

    #[test]
    fn percentages_are_at_most_100_together() {
        let mut shares = Shares::default();
        for share in [33.3, 33.3, 33.4] {
            shares.add(share, ()).unwrap();
        }
        assert!(phones().all(|phone| shares.of(&phone).is_some()));
        let error = shares.add(0.000_001, ()).unwrap_err();
        assert_eq!(error.reason(), "with this the percentages are more than 100 together");
        assert_eq!(shares.values().count(), 3);
    }
}
