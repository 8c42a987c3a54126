//! Runs WebAssembly policies: bounded in time and memory, reused, discarded on a trap.
//!
//! A [`Runtime`] is made once. It loads the bytes of a policy into a [`Module`] of one [`World`], and a module with its
//! settings becomes a [`Policy`] that answers calls on any thread:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let repositories = [];
//! use turnout_runtime::{Options, RoutingPolicy, Runtime};
//! use turnout_vocabulary::RepositoryId;
//!
//! let runtime = Runtime::new(&Options::default())?;
//! let module = runtime.load(&std::fs::read("policies/routing.wasm")?)?;
//! let policy = RoutingPolicy::configure(&module, r#"{"default": {"stage": "off"}}"#, &repositories)?;
//! let authority = policy.authority(RepositoryId(0), None)?;
//! # Ok(())
//! # }
//! ```
//!
//! Where things are:
//!
//! - `load` turns bytes into compiled code and refuses bytes that are no policy.
//! - `bounds` stops a policy that takes too much.
//! - `settings` reads the settings that people write for a policy.
//! - `presentable` makes the texts of a policy fit for logs and screens.
//! - `policy` makes, keeps and discards instances. It is the same for every world.
//! - `wasi` is the empty world for policies that expect an operating system.
//! - `worlds` has one room for each world: its exports, as functions over the types of the vocabulary.

mod bindings;
mod bounds;
mod load;
mod log;
mod policy;
mod presentable;
mod runtime;
mod settings;
mod wasi;
mod worlds;

pub use bounds::{Bounds, Failure, Failures};
pub use load::{LoadError, component, core_size};
pub use policy::{CallError, ConfigureError, Description, Failing, Module, Policy};
pub use presentable::{escaped, presentable};
pub use runtime::{Options, Runtime, RuntimeError};
pub use settings::{Document, Mistake};
pub use worlds::World;
pub use worlds::divergence::{Divergence, DivergenceModule, DivergencePolicy};
pub use worlds::dual_write::{DualWrite, DualWriteModule, DualWritePolicy};
pub use worlds::routing::{Routing, RoutingModule, RoutingPolicy};
pub use worlds::safe_cleanup::{SafeCleanup, SafeCleanupModule, SafeCleanupPolicy};
#[cfg(feature = "toy-world")]
pub use worlds::toy::ToyAlerts;
