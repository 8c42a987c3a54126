//! What the end-to-end tests share: the real binary, two real PostgreSQL clusters, and a client.
//!
//! - [`Site`]: two filled clusters with a configuration and policies, for hosts to be started on.
//! - [`Host`]: one running `turnout serve`, stopped when it is dropped.
//! - [`Proxy`]: stands before a database and cuts, stalls or slows what passes.
//! - [`fuzz`]: requests by chance, and what no answer to one may be.
//! - [`torture`]: bots, faults drawn from a seed, and the checks after a run.
//! - [`core_module`]: a policy module from WebAssembly text, for modules that no compiler would write.
//! - [`Spread`], [`Percentiles`]: summaries of a benchmark's repeated measurements.
//! - [`eventually`]: waits for a condition instead of a time.

mod answer;
mod binary;
pub mod fuzz;
mod host;
mod measure;
mod module;
mod own;
mod proxy;
mod site;
pub mod torture;
mod wait;

pub use answer::Answer;
pub use binary::{policy, policy_in_javascript, postgresql, supabase_js, supabase_lite, turnout};
pub use host::Host;
pub use measure::{Percentiles, Spread};
pub use module::core_module;
pub use proxy::{Proxy, Traffic};
pub use site::Site;
pub use wait::eventually;

/// A reminder of the tests that `cargo test` leaves out: it builds neither the host's program nor the policies.
#[cfg(all(test, not(feature = "prepared")))]
mod tests {
    #[test]
    #[ignore = "the end-to-end tests need the host and the policies built: run `cargo xtask test`"]
    fn end_to_end() {}
}
