//! The policies in force: a set is made of files beside the running set, checked, and swapped whole.
//!
//! - [`Policies`]: the set in force, and the way to put another in its place.
//! - [`PolicySet`]: one policy of each world; [`InForce`] is a set with its epoch.
//! - [`PolicySource`]: the directory that candidates are read from; [`BuiltIn`]: what decides where it holds nothing.
//! - [`Worlds`]: the list of what policies decide, [`PerWorld`] a value for each.
//! - [`NoAdvice`]: why the safe-cleanup policy gave no answer.
//! - [`PolicyMetrics`]: what is counted of all this.

mod broken;
pub mod cpu_time;
mod divergence;
mod examine;
mod files;
mod freeze;
mod in_force;
mod loader;
mod metrics;
mod mirroring;
mod per_world;
mod policies;
mod refused;
mod safe_cleanup;
mod scope;
mod second;
mod set;
mod signature;
mod source;
mod trial;
mod worlds;

pub use broken::{BreakerLimits, Broken};
pub use files::{File, Files, OnTrial, Origin};
pub use freeze::Freeze;
pub use in_force::{Era, InForce};
pub use loader::Acceptance;
pub use metrics::PolicyMetrics;
pub use per_world::{PerWorld, key};
pub use policies::{Policies, Tenure};
pub use refused::Refused;
pub use safe_cleanup::NoAdvice;
pub use scope::Scope;
pub use set::{PolicySet, Version};
pub use signature::{NotAKey, TrustedKeys};
pub use source::{Held, PolicySource};
pub use trial::{Difference, Differences, Shipped};
pub use worlds::{BuiltIn, Worlds};
