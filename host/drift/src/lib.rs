//! Watches both schemas while a host runs. What both sides have otherwise is compared with what the last look left on record; a change is
//! kept as evidence by one host, and people hear of it.
//!
//! - `state` is what differs at one moment, and what changed since another; it asks no database.
//! - `drift` looks, keeps and tells.

mod drift;
mod state;

pub use drift::{Drift, Parts};
