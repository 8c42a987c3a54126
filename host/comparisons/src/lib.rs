//! Watches whether the two sides differ while a host serves.
//!
//! - [`Comparisons::read`] takes a sampled read of the application, which is asked of the other side beside the request.
//! - Counts of what was compared go to the side `new` every few seconds, so that a window survives a restart and several hosts add up.
//! - The divergence policy is shown the window every ten seconds and says who should hear of it.
//! - Where it is switched on, both sides are compared whole every ten minutes, and what differs is repaired as the policy says.

mod assess;
mod by_policy;
mod comparisons;
mod counts;
mod judged;
mod metrics;
mod reads;
mod repair;

pub use by_policy::{ByPolicy, Everything};
pub use comparisons::{Comparisons, Listener, Parts};
pub use judged::Counted;
pub use metrics::ComparisonMetrics;
pub use reads::Read;
