//! The dual-write policy: how writes are mirrored, retried and reported.
//!
//! `settings` is what the user writes, `rules` says what holds for every repository, `retry` says what becomes of rows that
//! could not be mirrored, `alerts` says who hears of a write.

mod alerts;
mod retry;
mod rules;
mod settings;

use turnout_policy::dual_write::{Alert, DualWrite, Failure, MirrorPlan, Outcome, RetryDecision};
use turnout_policy::{Backend, Operation, Repository, SettingsError};

use retry::Retry;
use rules::Rules;
use settings::Settings;

turnout_policy::export_dual_write!(Mirroring, schema = "../settings.schema.json");

/// What holds for the writes of every repository and for rows that could not be mirrored.
pub struct Mirroring {
    rules: Rules,
    retry: Retry,
}

impl DualWrite for Mirroring {
    type Settings = Settings;

    fn configure(settings: Settings, repositories: &[Repository]) -> Result<Self, SettingsError> {
        Ok(Self {
            rules: Rules::new(&settings, repositories)?,
            retry: settings.retry.checked().map_err(|error| error.within("retry"))?,
        })
    }

    fn mirror(&self, operation: &Operation, _: Backend) -> MirrorPlan {
        self.rules.of(operation.target.repository).plan()
    }

    fn retry(&self, failure: &Failure) -> RetryDecision {
        self.retry.decide(failure)
    }

    fn settle(&self, outcome: &Outcome) -> Vec<Alert> {
        alerts::of(outcome, self.rules.of(outcome.repository))
    }
}

#[cfg(test)]
mod tests {
    use turnout_policy::testing;

    use super::*;

    #[test]
    fn a_mistake_is_refused_at_its_place() {
        for (json, place, words) in [
            (r#"{"miror": "off"}"#, "/miror", "`miror`"),
            (r#"{"mirror": "on"}"#, "/mirror", "`sync`"),
            (r#"{"sync_bound_ms": 0}"#, "/sync_bound_ms", "nonzero"),
            (r#"{"slow": {"critical_ms": -1}}"#, "/slow/critical_ms", "-1"),
            (r#"{"retry": {"first_ms": "50ms"}}"#, "/retry/first_ms", "50ms"),
            (r#"{"retry": {"park": 3}}"#, "/retry/park", "`park_after`"),
            (
                r#"{"repositories": {"x": {"retry": {}}}}"#,
                "/repositories/x/retry",
                "`mirror`",
            ),
            (r#"{"slow": {"warning_ms": 1001}}"#, "/slow", "(1000)"),
            (
                r#"{"repositories": {"bookings": {"slow": {"critical_ms": 400}}}}"#,
                "/repositories/bookings/slow",
                "(400)",
            ),
            (
                r#"{"repositories": {"booking": {}}}"#,
                "/repositories/booking",
                "bookings",
            ),
            (r#"{"retry": {"longest_ms": 10}}"#, "/retry/longest_ms", "`first_ms`"),
        ] {
            let error = testing::configure::<Mirroring>(json, &["bookings"]).err().unwrap();
            assert_eq!(error.pointer(), Some(place));
            assert!(error.reason().contains(words), "{error}");
        }
    }

    #[test]
    fn the_schema_is_that_of_the_settings() {
        testing::check_schema::<Mirroring>("settings.schema.json");
    }
}
