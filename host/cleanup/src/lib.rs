//! Removes test rows from both databases after a review, and puts them back if that was a mistake.
//!
//! - `closure` finds the rows that would go: those that a filter matches, and those that refer to them by foreign keys, to any depth.
//! - `review` asks the safe-cleanup policy about each of them, and says what speaks against it ([`Obstacle`]).
//! - `execute` removes exactly these rows on their authority; the mirror follows. The rows go into the archive of that side.
//! - `undo` puts the rows of the archive back, row by row.
//! - `evidence` keeps every request on the side `new`, agreed or refused.
//!
//! Nothing here trusts a policy: rows are removed by key and hash, in one transaction a side, which is taken back if PostgreSQL would go on to
//! other rows (`install/sql/cleanup.sql` in `host/backends`).

mod archive;
mod cleanups;
mod closure;
mod error;
mod evidence;
mod execute;
mod obstacle;
mod review;
mod sides;
mod undo;

pub use cleanups::{Cleanups, Parts};
pub use error::Error;
pub use execute::{Cleaned, Removed};
pub use obstacle::Obstacle;
pub use review::{Asked, GoingRow, Review};
pub use undo::{NotPutBack, Undone};
