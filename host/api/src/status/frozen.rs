use serde::{Deserialize, Serialize};
use turnout_policies::{Freeze, InForce};

/// Why the application's writes are refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FrozenStatus {
    /// Since when, in seconds of Unix time.
    pub since: u64,
    /// Who asked for it, in their own words.
    pub by: String,
    /// Why, in their own words.
    pub reason: String,
}

impl FrozenStatus {
    pub(crate) fn of(in_force: &InForce) -> Option<Self> {
        let frozen = in_force.frozen.as_deref().cloned()?;
        let Freeze { since, by, reason } = frozen;
        Some(Self { since, by, reason })
    }
}
