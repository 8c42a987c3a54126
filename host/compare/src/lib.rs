//! Compares the two sides of a repository while writes go on.
//!
//! A [`Walk`] goes through a table in ranges of its key, a range at a time on both sides at once. The databases work out a digest of each
//! range. Equal digests mean equal rows; where they differ, the rows are paired by key. A key whose rows were seen to differ is a
//! *suspect*: one side may only be behind. [`Suspects`] looks at such keys again until their rows are equal or the difference is certain
//! (`tests/tests/model/suspect.rs`).
//!
//! What is done with what differs is the caller's: to report it, or to mark it dirty on its authority.

mod chunk;
mod columns;
mod difference;
mod digest;
mod mark;
mod pace;
mod progress;
mod reconcile;
mod repair;
mod suspects;
mod verify;
mod walk;

pub use chunk::{all_in, differing_from, differing_in, not_on_their_way};
pub use columns::Columns;
pub use difference::{ByText, Difference, Equality, Form, Texts, differences};
pub use digest::Digest;
pub use mark::{Compared, Differing, Marks, compare, differing, mark_dirty};
pub use pace::Load;
pub use progress::{Progress, Scanned};
pub use reconcile::{Reconciled, reconcile};
pub use repair::{Known, Repairs, repair};
pub use suspects::{Finding, Held, Suspects, Verdict};
pub use verify::{Observer, Options, Tables, Tally, verify};
pub use walk::{Place, Sample, Step, Suspect, Walk};
