//! Throw-away PostgreSQL clusters, for the demo and the tests.
//!
//! ```no_run
//! # async fn example() -> Result<(), turnout_cluster::ClusterError> {
//! use turnout_cluster::{Cluster, Options};
//!
//! let cluster = Cluster::start(Options::default()).await?;
//! println!("{}", cluster.url());
//! # Ok(())
//! # }
//! ```
//!
//! A cluster leaves nothing behind, not even if its owner is killed. The janitor in `folder.rs` removes it then.

mod account;
mod binaries;
mod cluster;
#[cfg(feature = "dataset")]
pub mod dataset;
mod error;
mod folder;
mod server;

pub use cluster::{Backup, Cluster, Options};
pub use error::ClusterError;
