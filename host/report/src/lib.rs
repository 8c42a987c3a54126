//! Makes a report of a parallel run from what the side `new` keeps of it. No I/O: data in, JSON or one HTML page out.
//!
//! - [`Data`] is what was kept, and [`Report::of`] what it comes to.
//! - `proof` says in words what came out of a piece of evidence.
//! - `page` writes the page: `chart` a plot as SVG, `table` a table, `escaped` every text in it.

mod data;
mod page;
mod proof;
mod report;

pub use data::Data;
pub use page::page;
pub use proof::Proof;
pub use report::{AlertsOfKind, Operations, Percentiles, Point, Report, Side, Totals};
