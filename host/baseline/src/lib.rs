//! Measures the same operations on both backends, and says which of them are slower on `new`.
//!
//! - `statistics` is pure: percentiles, the confidence interval of a median, the Mann-Whitney U test.
//! - `chosen` chooses the operations from what the tables of `old` hold.
//! - `measure` carries them out, on both sides in turn.
//! - `baseline` is what came out, and `compared` puts a later one against an earlier one.
//!
//! The operations go the way of the application's: a request of the PostgREST dialect is parsed, planned and carried out by a
//! [`Database`](turnout_backends::Database). No policy is asked, as both sides are measured whatever their authority.

mod baseline;
mod chosen;
mod compared;
mod measure;
mod operation;
mod statistics;

pub use baseline::{Baseline, LeftOut, Measured, Timings};
pub use chosen::{Chosen, RecordedRead, choose};
pub use compared::{Change, compare};
pub use measure::measure;
pub use operation::Operation;
