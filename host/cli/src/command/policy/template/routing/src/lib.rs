//! Moves the listed subjects to the new database, and keeps their rows equal on the old one.

use std::collections::HashSet;

use turnout_policy::Subjects;
use turnout_policy::routing::{Backend, Repository, Routing, SettingsError, Target};

turnout_policy::export_routing!(Moved);

/// What the user writes in TOML.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The subjects that are written to the new database, in any spelling.
    moved: Subjects,
}

/// Who has moved.
pub struct Moved {
    moved: HashSet<String>,
}

impl Routing for Moved {
    type Settings = Settings;

    fn configure(settings: Settings, _: &[Repository]) -> Result<Self, SettingsError> {
        Ok(Self {
            moved: settings.moved.into_iter().collect(),
        })
    }

    fn authority(&self, target: &Target) -> Backend {
        match &target.subject {
            Some(subject) if self.moved.contains(subject) => Backend::New,
            _ => Backend::Old,
        }
    }

    fn mirrored(&self, target: &Target) -> bool {
        self.authority(target) == Backend::New
    }
}
