//! Versions and epochs, as `/v1/policies` shows them. `Origin` and `PerWorld` are the shape of the record of epochs too, and are not written
//! a second time here.

use serde::{Deserialize, Serialize};
use turnout_policies::{Origin, PerWorld};

/// A set that is or was in force.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shipment {
    /// Under which epoch.
    pub epoch: u64,
    /// How long ago it began, in seconds.
    pub age_seconds: f64,
    /// What decided in each world.
    pub worlds: PerWorld<ShippedVersion>,
}

/// One version of one world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippedVersion {
    /// The SHA-256 of the module, in hexadecimal.
    pub module: String,
    /// The SHA-256 of its settings.
    pub settings: String,
    /// Who shipped it, and from where.
    #[serde(flatten)]
    pub by: Origin,
    /// The version on trial beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<ShippedTrial>,
}

/// A version on trial. It names no subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippedTrial {
    /// The SHA-256 of the module, in hexadecimal.
    pub module: String,
    /// The SHA-256 of its settings.
    pub settings: String,
    /// For whom it decides, in words.
    pub scope: String,
}

/// A set that is or was in force, with its settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShownEpoch {
    /// Its epoch.
    pub epoch: u64,
    /// How long ago it began, in seconds.
    pub age_seconds: f64,
    /// What decided in each world.
    pub worlds: PerWorld<ShownVersion>,
}

/// One version of one world, with its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownVersion {
    /// The SHA-256 of the module, in hexadecimal.
    pub module: String,
    /// What the module calls itself; `None` if it can't be asked any more.
    pub name: Option<String>,
    /// Which version of itself the module says it is.
    pub version: Option<String>,
    /// Its settings: TOML.
    pub settings: String,
    /// Who shipped it, and from where.
    #[serde(flatten)]
    pub by: Origin,
    /// The version on trial beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<ShownTrial>,
}

/// A version on trial, with its settings. It names no subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownTrial {
    /// The SHA-256 of the module, in hexadecimal.
    pub module: String,
    /// Its settings: TOML.
    pub settings: String,
    /// For whom it decides, in words.
    pub scope: String,
}

/// What differs in one world between two epochs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionDiff {
    /// The SHA-256 of the module before and after.
    pub modules: [String; 2],
    /// The changes of the settings as a unified diff; empty if there are none.
    pub settings: String,
    /// The SHA-256 of the module on trial before and after.
    pub trials: [Option<String>; 2],
    /// The changes of the settings on trial as a unified diff; empty if there are none.
    pub trial_settings: String,
}

impl From<turnout_handoff::Shipment> for Shipment {
    fn from(shipment: turnout_handoff::Shipment) -> Self {
        let turnout_handoff::Shipment {
            epoch,
            age_seconds,
            worlds,
        } = shipment;
        Self {
            epoch,
            age_seconds,
            worlds: worlds.map(|_, version| ShippedVersion::from(version.clone())),
        }
    }
}

impl From<turnout_handoff::ShippedVersion> for ShippedVersion {
    fn from(version: turnout_handoff::ShippedVersion) -> Self {
        let turnout_handoff::ShippedVersion {
            module,
            settings,
            by,
            trial,
        } = version;
        Self {
            module,
            settings,
            by,
            trial: trial.map(ShippedTrial::from),
        }
    }
}

impl From<turnout_handoff::ShippedTrial> for ShippedTrial {
    fn from(trial: turnout_handoff::ShippedTrial) -> Self {
        let turnout_handoff::ShippedTrial {
            module,
            settings,
            scope,
        } = trial;
        Self {
            module,
            settings,
            scope,
        }
    }
}

impl From<turnout_handoff::ShownEpoch> for ShownEpoch {
    fn from(shown: turnout_handoff::ShownEpoch) -> Self {
        let turnout_handoff::ShownEpoch {
            epoch,
            age_seconds,
            worlds,
        } = shown;
        Self {
            epoch,
            age_seconds,
            worlds: worlds.map(|_, version| ShownVersion::from(version.clone())),
        }
    }
}

impl From<turnout_handoff::ShownVersion> for ShownVersion {
    fn from(shown: turnout_handoff::ShownVersion) -> Self {
        let turnout_handoff::ShownVersion {
            module,
            name,
            version,
            settings,
            by,
            trial,
        } = shown;
        Self {
            module,
            name,
            version,
            settings,
            by,
            trial: trial.map(ShownTrial::from),
        }
    }
}

impl From<turnout_handoff::ShownTrial> for ShownTrial {
    fn from(trial: turnout_handoff::ShownTrial) -> Self {
        let turnout_handoff::ShownTrial {
            module,
            settings,
            scope,
        } = trial;
        Self {
            module,
            settings,
            scope,
        }
    }
}

impl From<turnout_handoff::VersionDiff> for VersionDiff {
    fn from(diff: turnout_handoff::VersionDiff) -> Self {
        let turnout_handoff::VersionDiff {
            modules,
            settings,
            trials,
            trial_settings,
        } = diff;
        Self {
            modules,
            settings,
            trials,
            trial_settings,
        }
    }
}
