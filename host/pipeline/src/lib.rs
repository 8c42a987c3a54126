//! Takes an operation through the policies to a backend, and swaps policy sets while operations run.
//!
//! - [`Pipeline`]: runs one operation under the policy set in force.
//! - [`Policies`]: the policy set in force; reads candidates from a directory and refuses the bad ones.
//! - [`Handoffs`]: brings a set into force without a write lost; [`watch`] when the directory changes.
//! - [`Metrics`]: what is counted on the way.

mod alerts;
mod cpu_time;
mod error;
mod handoff;
mod metrics;
mod pipeline;
mod policies;
mod provenance;
mod recording;
mod subjects;

pub use alerts::{Alerts, Raised};
pub use error::Error;
pub use handoff::{
    AtStake, Capture, Comparison, Failover, Handoffs, NoFailover, NotApplied, NotBegun, NotRejoined, NotShipped,
    ParkedFor, PolicyJudge, Rejoined, Seen, Shipment, ShippedTrial, ShippedVersion, ShownEpoch, ShownTrial,
    ShownVersion, SiteDescription, VersionDiff, recorded_set, recorded_site, watch,
};
pub use metrics::Metrics;
pub use pipeline::{
    Asked, Change, Committed, Decided, Failed, Freshness, Pipeline, Reason, Replay, ReplayedCohort, Resolve, Step,
    Transaction, Undecided, in_words,
};
pub use policies::{
    Acceptance, BreakerLimits, Difference, Differences, Era, File, Files, InForce, NotAKey, OnTrial, Origin, PerWorld,
    Policies, PolicySet, PolicySource, Refused, Scope, Shipped, Standing, TrustedKeys, Version,
};
pub use provenance::{Provenance, Staleness};
pub use recording::{RecordedOperation, Recording, RecordingKey};
