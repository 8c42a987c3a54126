//! Agrees to the deletion of a few rows, each of which says that it is a test row.

use turnout_policy::safe_cleanup::{Evidence, Repository, Request, Row, SafeCleanup, SettingsError, Verdict};

turnout_policy::export_safe_cleanup!(Marked);

/// What the user writes in TOML.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The column that says whether a row is a test row, in every repository.
    column: String,
    /// What the column of a test row contains. Every letter stands for itself.
    #[schemars(length(min = 1))]
    mark: String,
    /// How many rows may go at once.
    max_rows: u64,
}

/// What marks a test row, and how many of them may go.
pub struct Marked(Settings);

impl SafeCleanup for Marked {
    type Settings = Settings;

    fn configure(settings: Settings, _: &[Repository]) -> Result<Self, SettingsError> {
        if settings.mark.is_empty() {
            return Err(SettingsError::at("/mark", "an empty text would mark every row"));
        }
        Ok(Self(settings))
    }

    fn marks(&self, row: &Row) -> bool {
        row.text(&self.0.column).is_some_and(|text| text.contains(&self.0.mark))
    }

    fn review(&self, _: &Request, evidence: &Evidence) -> Verdict {
        if evidence.rows() > self.0.max_rows {
            Verdict::TooManyRows(self.0.max_rows)
        } else {
            Verdict::Agreed
        }
    }
}
