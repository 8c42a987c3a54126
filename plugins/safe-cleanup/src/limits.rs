use turnout_policy::SettingsError;
use turnout_policy::safe_cleanup::{Count, Evidence, ShareLimit, Verdict};

use crate::settings::Settings;

/// A whole, in hundredths of a percent.
const WHOLE: u32 = 10_000;

/// How many rows may go at once.
pub(crate) struct Limits {
    max_rows: u64,
    share: ShareLimit,
}

impl Limits {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let share = settings.max_share;
        if !(0.0..=1.0).contains(&share) {
            let reason = format!("{share} is not a part from 0 to 1");
            return Err(SettingsError::at("/max_share", reason));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 10,000"
        )]
        let hundredths = (share * f64::from(WHOLE)).round() as u32;
        Ok(Self {
            max_rows: settings.max_rows,
            share: ShareLimit {
                hundredths,
                from_rows: settings.share_from,
            },
        })
    }

    /// Whether a deletion goes ahead.
    pub(crate) fn review(&self, evidence: &Evidence) -> Verdict {
        let counts = &evidence.counts;
        if counts.iter().any(|count| count.marked < count.rows()) {
            Verdict::Other("unmarked-rows".into())
        } else if evidence.rows() > self.max_rows {
            Verdict::TooManyRows(self.max_rows)
        } else if counts.iter().any(|count| self.is_too_large_a_part(count)) {
            Verdict::TooLargeShare(self.share)
        } else {
            Verdict::Agreed
        }
    }

    fn is_too_large_a_part(&self, count: &Count) -> bool {
        let rows = u128::from(count.rows()) * u128::from(WHOLE);
        let allowed = u128::from(count.table_rows) * u128::from(self.share.hundredths);
        count.table_rows > self.share.from_rows && rows > allowed
    }
}

#[cfg(test)]
mod tests {
    use turnout_policy::{Backend, testing};

    use super::*;
    use crate::TestRows;

    /// What would go from a table, all of it marked.
    fn count(backend: Backend, requested: u64, referring: u64, table_rows: u64) -> Count {
        Count {
            repository: 0,
            backend,
            requested,
            referring,
            marked: requested.saturating_add(referring),
            table_rows,
            youngest: None,
            oldest: None,
        }
    }

    /// The verdict as text.
    fn said(toml: &str, counts: Vec<Count>) -> String {
        let policy: TestRows = testing::configure(toml, &["clients"]).unwrap();
        let evidence = Evidence {
            counts,
            samples: Vec::new(),
        };
        match policy.limits.review(&evidence) {
            Verdict::Agreed => "agreed".into(),
            Verdict::TooManyRows(limit) => format!("over {limit} rows"),
            Verdict::TooLargeShare(limit) => format!("over {} of {} rows", limit.hundredths, limit.from_rows),
            Verdict::Other(word) => word,
        }
    }

    #[test]
    fn hundred_rows_go_and_one_more_does_not() {
        let old = |rows| count(Backend::Old, rows, 20, 100_000);
        let new = |rows| count(Backend::New, 30, rows, 100_000);
        assert_eq!(said("", vec![old(40), new(10)]), "agreed");
        assert_eq!(said("", vec![old(40), new(11)]), "over 100 rows");
        assert_eq!(said("max_rows = 101", vec![old(40), new(11)]), "agreed");
        assert_eq!(said("", Vec::new()), "agreed");
        assert_eq!(said("max_rows = 0", vec![count(Backend::Old, 0, 0, 100)]), "agreed");
    }

    #[test]
    fn tenth_of_a_table_goes_and_one_row_more_does_not() {
        let refused = "over 1000 of 50 rows";
        for (rows, table_rows, verdict) in [
            (10, 100, "agreed"),
            (11, 100, refused),
            (5, 51, "agreed"),
            (6, 51, refused),
            (7, 69, refused),
            (7, 70, "agreed"),
            (50, 50, "agreed"),
        ] {
            let counts = vec![count(Backend::New, rows - 1, 1, table_rows)];
            assert_eq!(said("", counts), verdict, "{rows} of {table_rows}");
        }
    }

    #[test]
    fn share_is_that_of_each_table_on_each_side() {
        let large = count(Backend::Old, 0, 1, 100_000);
        let small = count(Backend::New, 9, 0, 80);
        assert_eq!(said("", vec![large, small]), "over 1000 of 50 rows");
        assert_eq!(said("share_from = 80", vec![large, small]), "agreed");
        assert_eq!(said("max_share = 0.1125", vec![large, small]), "agreed");
        assert_eq!(said("max_share = 0.1124", vec![large, small]), "over 1124 of 50 rows");
        assert_eq!(said("max_share = 0.0", vec![large]), "over 0 of 50 rows");
    }

    #[test]
    fn row_without_a_mark_refuses_the_rest() {
        let unmarked = Count {
            marked: 4,
            ..count(Backend::Old, 3, 2, 1000)
        };
        assert_eq!(
            said("", vec![count(Backend::New, 5, 0, 1000), unmarked]),
            "unmarked-rows"
        );
    }

    #[test]
    fn counts_of_any_size_are_added_up() {
        let huge = || count(Backend::Old, u64::MAX, u64::MAX, u64::MAX);
        assert_eq!(said("", vec![huge(), huge()]), "over 100 rows");
        let toml = format!("max_rows = {}", i64::MAX);
        assert_eq!(said(&toml, vec![huge()]), format!("over {} rows", i64::MAX));
    }
}
