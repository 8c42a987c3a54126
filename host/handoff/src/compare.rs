//! Whether both sides have the same rows.
//!
//! - `gaps` knows of which repositories changes may not all have been captured.
//! - `comparer` compares both sides of a repository, and marks what differs.
//! - `converge` does so when mirroring begins, and wherever a gap shows.
//! - `ranged` has the appliers go through what both sides order alike, or one side lacks.
//! - `proof` compares the rows that change hands, and marks nothing.

pub(crate) mod comparer;
pub(crate) mod converge;
pub(crate) mod gaps;
pub(crate) mod proof;
pub(crate) mod ranged;
