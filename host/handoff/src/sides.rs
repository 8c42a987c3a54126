//! Sides that are dead, were away, or were restored from the past.
//!
//! - `failover` moves authority away from a dead side.
//! - `rejoin` takes a side in again that was away.
//! - `restored` finds a side that was restored from the past.
//! - `reinstate` makes the rows of the side count that a person has chosen then.

pub(crate) mod failover;
pub(crate) mod reinstate;
pub(crate) mod rejoin;
pub(crate) mod restored;
