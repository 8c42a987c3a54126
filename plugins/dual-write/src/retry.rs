use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use turnout_policy::SettingsError;
use turnout_policy::dual_write::{Failure, RetryDecision};

/// When a row that could not be mirrored is tried again, and when its key is parked for people to look at. A row that is not to
/// blame itself (no connection, a deadlock, no room: SQLSTATE classes 08, 25, 28, 40, 53, 55, 57, 58) is tried for ever.
#[derive(Clone, Copy, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Retry {
    /// How long a row rests after its first failure. It rests twice as long after each further one.
    first_ms: NonZeroU32,
    /// How long a row rests at most.
    longest_ms: NonZeroU32,
    /// How many attempts a row has that another row may help: a parent that is still to come, a unique value that is about
    /// to move (class 23, and every class that is not named here).
    park_after: NonZeroU32,
    /// How long a row that another row may help is tried at least, however many attempts that takes.
    park_age_ms: u32,
    /// How many attempts a row has that is to blame itself: a value that does not fit, a column that is not there (classes 22
    /// and 42).
    park_data_after: NonZeroU32,
}

impl Default for Retry {
    fn default() -> Self {
        const fn positive(number: u32) -> NonZeroU32 {
            NonZeroU32::MIN.saturating_add(number - 1)
        }
        Self {
            first_ms: positive(50),
            longest_ms: positive(30_000),
            park_after: positive(12),
            park_age_ms: 60_000,
            park_data_after: positive(3),
        }
    }
}

/// What is to blame that a row could not be mirrored, by the class of the SQLSTATE.
enum Fault {
    /// A condition of the other side. It passes, or a person mends it.
    Passing,
    /// The row itself, which another attempt does not change.
    Row,
    /// Perhaps other rows (a parent, a unique value that is about to move), or something unknown.
    Others,
}

impl Retry {
    /// These settings, if they hold together.
    pub(crate) fn checked(self) -> Result<Self, SettingsError> {
        let (first, longest) = (self.first_ms, self.longest_ms);
        if longest < first {
            let reason = format!("`longest_ms` ({longest}) is less than `first_ms` ({first})");
            return Err(SettingsError::at("/longest_ms", reason));
        }
        Ok(self)
    }

    pub(crate) fn decide(&self, failure: &Failure) -> RetryDecision {
        let attempt = failure.attempt;
        let hopeless = match Fault::of(&failure.sqlstate) {
            Fault::Passing => false,
            Fault::Row => attempt >= self.park_data_after.get(),
            Fault::Others => attempt >= self.park_after.get() && failure.age >= self.park_age_ms,
        };
        if hopeless {
            RetryDecision::Park
        } else {
            RetryDecision::Again(self.rest(attempt))
        }
    }

    /// How long a row rests after so many attempts, in milliseconds: twice as long after every attempt.
    fn rest(&self, attempt: u32) -> u32 {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        self.first_ms.get().saturating_mul(doubled).min(self.longest_ms.get())
    }
}

impl Fault {
    fn of(sqlstate: &str) -> Self {
        match sqlstate.get(..2) {
            // Connection, transaction state (a read-only standby), authorisation, rollback (a deadlock), resources, locks,
            // a shutdown, the system.
            Some("08" | "25" | "28" | "40" | "53" | "55" | "57" | "58") => Self::Passing,
            // Data; syntax and access (a column that the other side lacks).
            Some("22" | "42") => Self::Row,
            _ => Self::Others,
        }
    }
}

#[cfg(test)]
mod tests {
    use turnout_policy::Backend;

    use super::*;

    fn decide(sqlstate: &str, attempt: u32, age: u32) -> Option<u32> {
        let decision = Retry::default().decide(&Failure {
            repository: 0,
            source: Backend::Old,
            sqlstate: sqlstate.into(),
            attempt,
            age,
        });
        match decision {
            RetryDecision::Again(wait) => Some(wait),
            RetryDecision::Park => None,
        }
    }

    #[test]
    fn a_row_rests_twice_as_long_after_every_attempt() {
        let rests: Vec<_> = (0..=12).filter_map(|attempt| decide("08006", attempt, 0)).collect();
        assert_eq!(
            rests,
            [
                50, 50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000
            ]
        );
    }

    #[test]
    fn what_passes_is_tried_for_ever() {
        for sqlstate in ["08006", "25006", "40001", "40P01", "53300", "55P03", "57P01"] {
            assert_eq!(decide(sqlstate, u32::MAX, u32::MAX), Some(30_000), "{sqlstate}");
        }
    }

    #[test]
    fn what_other_rows_may_mend_is_parked_after_some_attempts_and_a_minute() {
        for sqlstate in ["23503", "23505", "P0001", "XX000", "", "ы"] {
            assert!(decide(sqlstate, 11, 600_000).is_some(), "{sqlstate}");
            assert!(decide(sqlstate, 1_000, 59_999).is_some(), "{sqlstate}");
            assert_eq!(decide(sqlstate, 12, 60_000), None, "{sqlstate}");
        }
    }

    #[test]
    fn what_the_row_itself_is_to_blame_for_is_parked_soon() {
        for sqlstate in ["22001", "42703"] {
            assert_eq!(decide(sqlstate, 2, 0), Some(100), "{sqlstate}");
            assert_eq!(decide(sqlstate, 3, 0), None, "{sqlstate}");
        }
    }
}
