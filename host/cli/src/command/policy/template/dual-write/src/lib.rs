//! Has the writes of some repositories wait until the other side is equal.

use turnout_policy::dual_write::{Backend, DualWrite, MirrorPlan, Operation, Repository, SettingsError};

turnout_policy::export_dual_write!(Waiting);

/// What the user writes in TOML.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The repositories whose writes wait for the other side.
    wait_for: Vec<String>,
    /// How long a write waits at most, in milliseconds.
    wait_ms: u32,
}

/// Whose writes wait, and for how long.
pub struct Waiting {
    /// By the number of the repository.
    waits: Vec<bool>,
    wait_ms: u32,
}

impl DualWrite for Waiting {
    type Settings = Settings;

    fn configure(settings: Settings, repositories: &[Repository]) -> Result<Self, SettingsError> {
        let mut waits = vec![false; repositories.len()];
        for (index, name) in settings.wait_for.iter().enumerate() {
            let number = repositories.iter().position(|repository| repository.name == *name);
            let wrong = || SettingsError::at(format!("/wait_for/{index}"), format!("no repository is called `{name}`"));
            waits[number.ok_or_else(wrong)?] = true;
        }
        Ok(Self {
            waits,
            wait_ms: settings.wait_ms,
        })
    }

    fn mirror(&self, operation: &Operation, _authority: Backend) -> MirrorPlan {
        if self.waits[usize::from(operation.target.repository)] {
            MirrorPlan::Sync(self.wait_ms)
        } else {
            MirrorPlan::Async
        }
    }
}
