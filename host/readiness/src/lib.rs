//! Go or no-go: whether authority may move to `new`, criterion by criterion.
//!
//! - [`Criterion`] names what is asked, [`Rules`] what is enough.
//! - [`Facts`] are what was proved and how both sides stand, as plain data: somebody else reads them from the databases.
//! - [`Readiness::judge`] judges them. It asks no database and no clock, so the same facts always come out the same.

mod criterion;
mod evidence;
mod facts;
mod judge;
mod rules;

pub use criterion::{Criterion, UnknownCriterion};
pub use facts::{Backup, BrokenChain, Facts, ParallelRun, Proof, Standing};
pub use judge::{Judged, Readiness, Verdict};
pub use rules::Rules;
