//! Takes an operation through the policies to a backend, and swaps policy sets while operations run.
//!
//! - [`Pipeline`]: runs one operation under the policy set in force.
//! - [`Policies`]: the policy set in force; reads candidates from a directory and refuses the bad ones.
//! - [`watch`]: reloads when the directory changes.
//! - [`Metrics`]: what is counted on the way.

mod error;
mod metrics;
mod pipeline;
mod policies;
mod provenance;
mod subjects;

pub use error::Error;
pub use metrics::Metrics;
pub use pipeline::{Pipeline, Undecided};
pub use policies::{Policies, PolicySet, PolicySource, Refused, Standing, Version, Watching, watch};
pub use provenance::Provenance;
