//! The divergence policy: what counts as equal, who hears of divergences, and what becomes of them.
//!
//! `settings` is what the user writes, `columns` says which columns of a row really differ, `alerts` says who hears of divergences,
//! `repair` says what becomes of one.

mod alerts;
mod columns;
mod repair;
mod settings;

use turnout_policy::divergence::{Alert, DivergedRow, Divergence, Pair, RepairAction, Window};
use turnout_policy::{Repository, SettingsError};

use alerts::Thresholds;
use columns::Columns;
use repair::Repair;
use settings::Settings;

turnout_policy::export_divergence!(Comparing, schema = "../settings.schema.json");

/// What holds for the rows of every repository, and for the divergences found in them.
pub struct Comparing {
    columns: Columns,
    thresholds: Thresholds,
    repair: Repair,
}

impl Divergence for Comparing {
    type Settings = Settings;

    fn configure(settings: Settings, repositories: &[Repository]) -> Result<Self, SettingsError> {
        Ok(Self {
            columns: Columns::new(&settings.columns, settings.repositories, repositories)?,
            thresholds: Thresholds::new(&settings.alerts).map_err(|error| error.within("alerts"))?,
            repair: settings.repair,
        })
    }

    fn compare(&self, pair: &Pair) -> Vec<u32> {
        self.columns.differing(pair)
    }

    fn assess(&self, window: &Window) -> Vec<Alert> {
        self.thresholds.exceeded(window)
    }

    fn repair(&self, row: &DivergedRow) -> RepairAction {
        self.repair.decide(row)
    }
}

#[cfg(test)]
mod tests {
    use turnout_policy::testing;

    use super::*;

    #[test]
    fn mistake_is_refused_at_its_place() {
        for (json, place, words) in [
            (r#"{"column": {}}"#, "/column", "`columns`"),
            (r#"{"columns": {"ignored": []}}"#, "/columns/ignored", "`ignore`"),
            (r#"{"columns": {"ignore": "id"}}"#, "/columns/ignore", "sequence"),
            (
                r#"{"columns": {"timestamps": "minutes"}}"#,
                "/columns/timestamps",
                "`seconds`",
            ),
            (r#"{"columns": {"numerics": "exact"}}"#, "/columns/numerics", "`scale`"),
            (
                r#"{"repositories": {"clients": {"json": "exact"}}}"#,
                "/repositories/clients/json",
                "`value`",
            ),
            (r#"{"repositories": {"client": {}}}"#, "/repositories/client", "clients"),
            (r#"{"alerts": {"rate_percent": 101}}"#, "/alerts/rate_percent", "101"),
            (r#"{"alerts": {"rate_percent": -1}}"#, "/alerts/rate_percent", "-1"),
            (r#"{"alerts": {"many": -1}}"#, "/alerts/many", "-1"),
            (r#"{"alerts": {"min_compared": 0}}"#, "/alerts/min_compared", "nonzero"),
            (r#"{"repair": {"differs": "repair"}}"#, "/repair/differs", "`mirror`"),
            (r#"{"repair": {"attempts": 0}}"#, "/repair/attempts", "nonzero"),
        ] {
            let error = testing::configure::<Comparing>(json, &["clients"]).err().unwrap();
            assert_eq!(error.pointer(), Some(place));
            assert!(error.reason().contains(words), "{error}");
        }
    }

    #[test]
    fn schema_is_that_of_the_settings() {
        testing::check_schema::<Comparing>("settings.schema.json");
    }
}
