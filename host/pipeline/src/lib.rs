//! Takes an operation through the policies to a backend, and swaps policy sets while operations run.
//!
//! - [`Pipeline`]: runs one operation under the policy set in force.
//! - [`Policies`]: the policy set in force; reads candidates from a directory and refuses the bad ones.
//! - [`Handoffs`]: brings a set into force without a write lost; [`watch`] when the directory changes.
//! - [`Metrics`]: what is counted on the way.

mod alerts;
mod error;
mod handoff;
mod metrics;
mod pipeline;
mod policies;
mod provenance;
mod subjects;

pub use alerts::{Alerts, Raised};
pub use error::Error;
pub use handoff::{AtStake, Failover, Handoffs, NoFailover, ParkedFor, PolicyJudge, Seen, Watching, watch};
pub use metrics::Metrics;
pub use pipeline::{Asked, Committed, Failed, Freshness, Pipeline, Reason, Resolve, Step, Transaction, Undecided};
pub use policies::{
    Era, File, Files, InForce, PerWorld, Policies, PolicySet, PolicySource, Refused, Standing, Version,
};
pub use provenance::{Provenance, Staleness};
