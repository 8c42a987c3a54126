//! Lets some columns differ, warns of many rows that differ, and has copies that lack a change mirrored again.

use std::collections::HashSet;

use turnout_policy::divergence::{
    Alert, AlertKind, DivergedRow, Divergence, Form, Pair, RepairAction, Repository, SettingsError, Severity, Source,
    Window, differing,
};

turnout_policy::export_divergence!(Tolerant);

/// What the user writes in TOML.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The columns that may differ, in every repository.
    ignore: HashSet<String>,
    /// If more rows differ within the window, a warning says so.
    many: u64,
}

/// How often a row is mirrored again. If it still differs then, a person is called.
const ATTEMPTS: u32 = 3;

/// What may differ, and how much.
pub struct Tolerant(Settings);

impl Divergence for Tolerant {
    type Settings = Settings;

    fn configure(settings: Settings, _: &[Repository]) -> Result<Self, SettingsError> {
        Ok(Self(settings))
    }

    fn compare(&self, pair: &Pair) -> Vec<u32> {
        differing(pair, |column| !self.0.ignore.contains(&column.name))
    }

    fn assess(&self, window: &Window) -> Vec<Alert> {
        let counts = window.counts.iter().filter(|count| count.source != Source::Baseline);
        let rows = counts.map(|count| count.diverged).fold(0, u64::saturating_add);
        let alert = Alert {
            kind: AlertKind::Many(rows),
            severity: Severity::Warning,
        };
        if rows > self.0.many { vec![alert] } else { Vec::new() }
    }

    fn repair(&self, row: &DivergedRow) -> RepairAction {
        if row.form == Form::Surplus || row.attempts >= ATTEMPTS {
            RepairAction::Call
        } else {
            RepairAction::Mirror
        }
    }
}
