use turnout_backends::Error as BackendError;
use turnout_policies::{Refused, Worlds};
use turnout_vocabulary::Epoch;

use crate::ship::stages::NotStaged;

/// Why a version was not shipped. What was in force is in force.
#[derive(Debug, thiserror::Error)]
pub enum NotShipped {
    /// There is no such world.
    #[error("there is no world {0:?}; the worlds are {worlds}", worlds = worlds())]
    NoWorld(String),
    /// No version that is kept has this SHA-256.
    #[error("no version whose SHA-256 begins with {0:?} is kept; see `turnout policy list`")]
    Unknown(String),
    /// The text can't name a version.
    #[error(
        "{0:?} names no version; give the first 8 or more digits of its SHA-256, as `turnout policy list` shows it"
    )]
    NoDigest(String),
    /// An epoch is not on record.
    #[error("epoch {0} is not kept; see `turnout policy list`")]
    NoEpoch(Epoch),
    /// Several versions have it.
    #[error("the SHA-256 of several versions begins with {0:?}; give more of it")]
    Ambiguous(String),
    /// Nothing was in force before.
    #[error("there is no earlier version to go back to")]
    NoEarlier,
    /// No version is on trial.
    #[error("no version is on trial")]
    NoTrial,
    /// The policies are refused.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// The record of versions can't be read.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The stages can't be changed as asked.
    #[error(transparent)]
    Stages(#[from] NotStaged),
    /// A trial decides for some subjects, and a cutover would not hold for them.
    #[error("a version of the routing policy is on trial; `turnout policy promote` or `withdraw` it first")]
    OnTrial,
    /// No cutover can be taken back.
    #[error("no cutover is on record that was not taken back; use `turnout policy rollback`, or change routing.toml")]
    NoCutover,
    /// It is in force, but not in the directory.
    #[error(
        "epoch {epoch} is in force, but the policy directory can't be written ({reason}): put the same files there, or \
             the next start of a host brings the old ones back"
    )]
    Directory {
        /// The epoch that is in force.
        epoch: Epoch,
        /// Why.
        reason: String,
    },
}

fn worlds() -> String {
    Worlds::default().names().collect::<Vec<_>>().join(", ")
}
