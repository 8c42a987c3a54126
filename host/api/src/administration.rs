//! The routes that need the administrator's key: cleanups, parked keys, cutovers, the freeze, the forced failover, the rejoin of a restored side, and the versions of
//! the policies.

mod cleanup;
mod cutover;
mod failover;
mod freeze;
mod mirror;
mod policies;
mod rejoin;
mod sent;

use serde::de::DeserializeOwned;
use turnout_postgrest::Refusal;

pub use cleanup::{
    CleanupCount, CleanupRemoved, CleanupReport, CleanupRequest, CleanupRow, KeptCleanups, NotPutBack, UndoReport,
    UndoRequest,
};
pub(crate) use cleanup::{clean, kept, undo};
pub use cutover::{CutoverRequest, HandoffTimings, Moved, StageChange};
pub(crate) use cutover::{cut_over, roll_back};
pub(crate) use failover::fail_over;
pub use failover::{AtStake, Failover, FailoverRequest};
pub use freeze::{FreezeRequest, Frozen};
pub(crate) use freeze::{freeze, unfreeze};
pub use mirror::{Chosen, Parked, ParkedKey, Treated};
pub(crate) use mirror::{give_up, parked, retry};
pub use policies::{
    Activated, Activation, Audience, By, ChangedDecision, Push, Replay, ReplayedCohort, Shipment, ShippedTrial,
    ShippedVersion, ShownEpoch, ShownTrial, ShownVersion, VersionDiff,
};
pub(crate) use policies::{change, diff, list, push, recording, replay, show};
pub(crate) use rejoin::rejoin;
pub use rejoin::{RejoinRequest, Rejoined};

/// Reads a JSON body.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::invalid_request(error.to_string()))
}
