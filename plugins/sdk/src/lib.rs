//! The SDK for policies of Turnout: one trait for each world, settings read by serde, and everything around them done.
//!
//! A policy decides, operation by operation, and never acts: it has no clock, no randomness, no files and no network. The worlds
//! are [`routing`], [`dual_write`], [`divergence`] and [`safe_cleanup`]. Here is a whole routing policy. It moves the listed subjects to
//! the new database:
//!
//! ```
//! use std::collections::HashSet;
//!
//! use turnout_policy::Subjects;
//! use turnout_policy::routing::{Backend, Repository, Routing, SettingsError, Target};
//!
//! /// Who has moved.
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Settings {
//!     /// The subjects that are written to the new database, in any spelling.
//!     moved: Subjects,
//! }
//!
//! struct Moved(HashSet<String>);
//!
//! impl Routing for Moved {
//!     type Settings = Settings;
//!
//!     fn configure(settings: Settings, _: &[Repository]) -> Result<Self, SettingsError> {
//!         Ok(Self(settings.moved.into_iter().collect()))
//!     }
//!
//!     fn authority(&self, target: &Target) -> Backend {
//!         match &target.subject {
//!             Some(subject) if self.0.contains(subject) => Backend::New,
//!             _ => Backend::Old,
//!         }
//!     }
//!
//!     fn mirrored(&self, _: &Target) -> bool {
//!         true
//!     }
//! }
//!
//! turnout_policy::export_routing!(Moved);
//!
//! // In a test:
//! let policy: Moved = turnout_policy::testing::configure(r#"moved = ["+79686484488"]"#, &["clients"]).unwrap();
//! let target = |subject: &str| Target { repository: 0, subject: Some(subject.into()) };
//! assert_eq!(policy.authority(&target("+79686484488")), Backend::New);
//! assert_eq!(policy.authority(&target("+79990000000")), Backend::Old);
//! ```
//!
//! Its `Cargo.toml`, with what makes the module small:
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib"]
//!
//! [dependencies]
//! schemars = "1"
//! serde = { version = "1", features = ["derive"] }
//! turnout-policy = { path = "…/plugins/sdk" }
//!
//! [profile.release]
//! codegen-units = 1
//! lto = true
//! panic = "abort"
//! strip = "symbols"
//! ```
//!
//! The policy is what `cargo build --release --target wasm32-unknown-unknown` writes. `turnout policy build` needs none of this
//! profile, and gives the module a small stack and a heap to begin with, which makes fresh instances cheap.
//!
//! # Settings
//!
//! The user writes TOML. The doc comments of the settings are what `turnout policy check` shows of them, through the JSON
//! Schema that schemars derives. What serde cannot know is checked in `configure`; `?` works there on any error. A mistake of
//! one value names it, and the user is shown its line:
//!
//! ```
//! use turnout_policy::SettingsError;
//!
//! fn percent(percent: f64) -> Result<f64, SettingsError> {
//!     if !(0.0..=100.0).contains(&percent) {
//!         return Err(SettingsError::at("/percent", format!("{percent} is not a percentage from 0 to 100")));
//!     }
//!     Ok(percent)
//! }
//!
//! assert_eq!(percent(101.0).unwrap_err().to_string(), "/percent: 101 is not a percentage from 0 to 100");
//! ```
//!
//! Subjects are phone numbers, email addresses, UUIDs or texts, as the host is configured (`subjects.kind`); a policy has each in one
//! spelling only. A list of them is [`Subjects`], which never shows them; what phone numbers begin with is [`Prefixes`]; a percentage of
//! all subjects is a share of [`Shares`]. Phones in other columns are spelled as people wrote them; [`phone_digits`] reads these. Subjects
//! are personal data: they belong in no message and in no reason.
//!
//! # Speed
//!
//! A decision is on the path of every operation. Do the work in `configure`: by then the names of repositories are known, and
//! a [`RepositoryNumber`] is an index into a `Vec`.

mod bindings;
pub mod divergence;
pub mod dual_write;
mod exported;
pub mod log;
pub mod routing;
pub mod safe_cleanup;
mod settings;
mod shares;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use bindings::routing::turnout::policy::types::{
    Action, Backend, Operation, RepositoryInfo as Repository, RepositoryNumber, Target,
};
pub use settings::{Prefixes, SettingsError, Subjects, check_repositories, phone_digits};
pub use shares::Shares;

/// A newer version of the standard library's allocator. It begins with the heap that the module comes with, so that a fresh instance need
/// not ask the host for memory.
#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

impl From<&str> for Repository {
    /// A repository of this name, whose rows belong to subjects.
    fn from(name: &str) -> Self {
        Self {
            name: name.into(),
            has_subject: true,
        }
    }
}

/// What the macros of this crate write into a policy.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings::{divergence, dual_write, routing, safe_cleanup};
    pub use crate::exported::Exported;
    pub use crate::settings::schema;
}
