//! The safe-cleanup policy: which rows are test rows, and whether a deletion of test rows goes ahead.
//!
//! `settings` is what the user writes, `marks` says which rows are test rows, `limits` how many of them may go at once.

mod limits;
mod marks;
mod settings;

use turnout_policy::safe_cleanup::{Evidence, Request, Row, SafeCleanup, Verdict};
use turnout_policy::{Repository, SettingsError};

use limits::Limits;
use marks::Marks;
use settings::Settings;

turnout_policy::export_safe_cleanup!(TestRows, schema = "../settings.schema.json");

/// What marks a test row, and how many of them may go at once.
pub struct TestRows {
    marks: Marks,
    limits: Limits,
}

impl SafeCleanup for TestRows {
    type Settings = Settings;

    fn configure(settings: Settings, repositories: &[Repository]) -> Result<Self, SettingsError> {
        Ok(Self {
            limits: Limits::new(&settings)?,
            marks: Marks::new(settings.marks, settings.repositories, repositories)?,
        })
    }

    fn marks(&self, row: &Row) -> bool {
        self.marks.are_on(row)
    }

    fn review(&self, _: &Request, evidence: &Evidence) -> Verdict {
        self.limits.review(evidence)
    }
}

#[cfg(test)]
mod tests {
    use turnout_policy::testing;

    use super::*;

    #[test]
    fn mistake_is_refused_at_its_place() {
        for (json, place, words) in [
            (r#"{"max_row": 1}"#, "/max_row", "`max_rows`"),
            (r#"{"max_rows": -1}"#, "/max_rows", "-1"),
            (r#"{"max_share": 10}"#, "/max_share", "10"),
            (r#"{"max_share": -0.1}"#, "/max_share", "-0.1"),
            (r#"{"marks": {"contain": {}}}"#, "/marks/contain", "`contains`"),
            (
                r#"{"marks": {"contains": {"name": "x"}}}"#,
                "/marks/contains/name",
                "sequence",
            ),
            (r#"{"repositories": {"client": {}}}"#, "/repositories/client", "clients"),
        ] {
            refuses(json, place, words);
        }
    }

    #[test]
    fn marks_of_everything_are_refused() {
        for (json, place, words) in [
            (
                r#"{"marks": {"contains": {"name": ["[TEST]", ""]}}}"#,
                "/marks/contains/name/1",
                "4 letters",
            ),
            (
                r#"{"marks": {"contains": {"name": ["     "]}}}"#,
                "/marks/contains/name/0",
                "4 letters",
            ),
            (
                r#"{"marks": {"subject_prefixes": [""]}}"#,
                "/marks/subject_prefixes",
                "+7 968",
            ),
            (
                r#"{"marks": {"subject_prefixes": ["899900"]}}"#,
                "/marks/subject_prefixes",
                "+7 968",
            ),
            (
                r#"{"marks": {"subject_prefixes": ["+7 999", "+7 99"]}}"#,
                "/marks/subject_prefixes/1",
                "4 digits",
            ),
            (
                r#"{"repositories": {"clients": {"column_prefixes": {"contact": [""]}}}}"#,
                "/repositories/clients/column_prefixes/contact/0",
                "has digits",
            ),
            (
                r#"{"repositories": {"clients": {"column_prefixes": {"contact": ["8 99"]}}}}"#,
                "/repositories/clients/column_prefixes/contact/0",
                "4 digits",
            ),
        ] {
            refuses(json, place, words);
        }
    }

    fn refuses(json: &str, place: &str, words: &str) {
        let error = testing::configure::<TestRows>(json, &["clients"]).err().unwrap();
        assert_eq!(error.pointer(), Some(place), "{json}");
        assert!(error.reason().contains(words), "{json}: {error}");
    }

    #[test]
    fn schema_is_that_of_the_settings() {
        testing::check_schema::<TestRows>("settings.schema.json");
    }
}
