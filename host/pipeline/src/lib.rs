//! Takes an operation through the policies in force to a backend.
//!
//! - [`Pipeline`]: runs one operation, or one [`Transaction`], under the policies in force.
//! - [`Recording`]: the last operations, and [`Replay`], what other policies would decide on them.
//! - [`Metrics`]: what is counted on the way; [`MinuteKeeper`] keeps the counts of each minute on `new`.

mod authority;
mod beside;
mod call;
mod error;
mod freshness;
mod glance;
mod metrics;
mod minutes;
mod mirror;
mod own_writes;
mod part;
mod pipeline;
mod provenance;
mod read;
mod recording;
mod references;
mod replay;
mod subjects;
mod transaction;
mod write;

pub use error::Error;
pub use freshness::Freshness;
pub use metrics::Metrics;
pub use minutes::MinuteKeeper;
use pipeline::Run;
pub use pipeline::{Pipeline, Undecided};
pub use provenance::{Provenance, Staleness};
pub use recording::{RecordedOperation, Recording};
pub use replay::{ChangedDecision, Decided, Replay, ReplayedCohort, in_words};
pub use transaction::{Committed, Failed, Reason, Step, Transaction};
