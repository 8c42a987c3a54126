//! The world `dual-write`: how writes reach the other side, what becomes of those that cannot, and who is called.
//!
//! A policy that lets writes of some repositories wait for the other side:
//!
//! ```
//! use turnout_policy::check_repositories;
//! use turnout_policy::dual_write::{Backend, DualWrite, MirrorPlan, Operation, Repository, SettingsError};
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Settings {
//!     /// For how many milliseconds a write waits for the other side at most, by repository.
//!     #[serde(default)]
//!     repositories: std::collections::BTreeMap<String, u32>,
//! }
//!
//! /// The plan of every repository, by its number.
//! struct Waiting(Vec<MirrorPlan>);
//!
//! impl DualWrite for Waiting {
//!     type Settings = Settings;
//!
//!     fn configure(settings: Settings, repositories: &[Repository]) -> Result<Self, SettingsError> {
//!         check_repositories(settings.repositories.keys(), repositories)?;
//!         let bound = |repository: &Repository| settings.repositories.get(&repository.name).copied();
//!         let plans = repositories.iter().map(|repository| bound(repository).map_or(MirrorPlan::Async, MirrorPlan::Sync));
//!         Ok(Self(plans.collect()))
//!     }
//!
//!     fn mirror(&self, operation: &Operation, _authority: Backend) -> MirrorPlan {
//!         self.0[usize::from(operation.target.repository)]
//!     }
//! }
//!
//! turnout_policy::export_dual_write!(Waiting);
//!
//! let error = turnout_policy::testing::configure::<Waiting>("repositories.client = 200", &["clients"]).err().unwrap();
//! assert_eq!(error.to_string(), "/repositories/client: no repository is called `client`; there are clients");
//! ```

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use crate::bindings::dual_write::turnout::policy::dual_write_types::{
    Alert, AlertKind, Failure, MirrorPlan, MirrorState, Outcome, RetryDecision, Severity,
};
use crate::bindings::dual_write::{Description, Guest, Settings, SettingsError as Refusal};
use crate::exported::{self, Exported};
pub use crate::{Action, Backend, Operation, Repository, RepositoryNumber, SettingsError, Target};

/// A policy of the world `dual-write`. Only `configure` must be written. The defaults of the other functions are always safe.
///
/// The host makes as many instances as it likes and may throw one away at any time: what a policy remembers beyond its
/// settings must not matter.
pub trait DualWrite: Sized + Send + Sync + 'static {
    /// The settings, as the user writes them in TOML. Let serde refuse what it does not know: `deny_unknown_fields`.
    type Settings: DeserializeOwned + JsonSchema;

    /// Takes the settings. A [`RepositoryNumber`] is an index into `repositories`.
    ///
    /// # Errors
    /// [`SettingsError`], and the settings never come into force.
    fn configure(settings: Self::Settings, repositories: &[Repository]) -> Result<Self, SettingsError>;

    /// How a write reaches the other side, where the routing policy mirrors at all. By default: after the answer.
    fn mirror(&self, _operation: &Operation, _authority: Backend) -> MirrorPlan {
        MirrorPlan::Async
    }

    /// What becomes of a row that could not be mirrored. The host asks after every failed attempt. By default: the row is tried again after
    /// 100 ms, after twice as long with every further attempt, and after 25.6 s at most.
    fn retry(&self, failure: &Failure) -> RetryDecision {
        RetryDecision::Again(100 << failure.attempt.saturating_sub(1).min(8))
    }

    /// Who should hear of a write that its authority committed. By default: nobody. The host takes the first 4 alerts.
    fn settle(&self, _outcome: &Outcome) -> Vec<Alert> {
        Vec::new()
    }
}

impl<P: DualWrite + Exported> Guest for P {
    fn describe() -> Description {
        exported::describe::<P>()
    }

    fn configure(settings: Settings) -> Result<(), Refusal> {
        exported::configure::<P>(&settings)
    }

    fn mirror(operation: Operation, authority: Backend) -> MirrorPlan {
        exported::policy::<P>().mirror(&operation, authority)
    }

    fn retry(failure: Failure) -> RetryDecision {
        exported::policy::<P>().retry(&failure)
    }

    fn settle(outcome: Outcome) -> Vec<Alert> {
        exported::policy::<P>().settle(&outcome)
    }
}

/// Makes a type that is [`DualWrite`] the policy of its crate, whose name and version it has. The JSON Schema of its settings is
/// derived whenever the host asks, or kept in a file (`export_dual_write!(MyPolicy, schema = "../settings.schema.json")`, a
/// path as `include_str!` takes it), which spares the module up to 90 KB; see [`check_schema`](crate::testing::check_schema).
#[macro_export]
macro_rules! export_dual_write {
    ($policy:ident) => {
        $crate::export_dual_write!(@ $policy, $crate::__private::schema::<<$policy as $crate::dual_write::DualWrite>::Settings>());
    };
    ($policy:ident, schema = $path:literal) => {
        $crate::export_dual_write!(@ $policy, ::core::include_str!($path));
    };
    (@ $policy:ident, $schema:expr) => {
        $crate::__exported!($policy, $crate::dual_write::DualWrite, $schema);

        const _: fn() -> $crate::__private::dual_write::Description =
            <$policy as $crate::__private::dual_write::Guest>::describe;

        // Only in WebAssembly: elsewhere the exports of two policies would meet in one program.
        #[cfg(target_family = "wasm")]
        $crate::__private::dual_write::export_to_host!($policy with_types_in $crate::__private::dual_write);
    };
}
