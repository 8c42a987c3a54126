//! The world `routing`: which backend is written, which one is read, and whether an operation goes ahead at all.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use crate::bindings::routing::turnout::policy::routing_types::{Admission, Conditions, Health, ReadPlan, Span};
use crate::bindings::routing::{Description, Guest, Settings, SettingsError as Refusal};
use crate::exported::{self, Exported};
pub use crate::{Action, Backend, Operation, Repository, RepositoryNumber, SettingsError, Target};

/// A policy of the world `routing`. Only `configure` and `authority` must be written. The defaults of the other functions are always
/// safe.
///
/// The host makes as many instances as it likes and may throw one away at any time: what a policy remembers beyond its
/// settings must not matter.
pub trait Routing: Sized + Send + Sync + 'static {
    /// The settings, as the user writes them in TOML. Let serde refuse what it does not know: `deny_unknown_fields`.
    type Settings: DeserializeOwned + JsonSchema;

    /// Takes the settings. A [`RepositoryNumber`] is an index into `repositories`.
    ///
    /// # Errors
    /// [`SettingsError`], and the settings never come into force.
    fn configure(settings: Self::Settings, repositories: &[Repository]) -> Result<Self, SettingsError>;

    /// The one backend that the target's rows are written to.
    ///
    /// It must follow from its argument and the settings alone: a key's writes go wherever this says, so an answer that
    /// changed by itself would lose them. For a target without a subject in a repository that has them, it is the backend
    /// that answers reads which name no subject.
    fn authority(&self, target: &Target) -> Backend;

    /// The backends that `authority` can give in this repository, with any subject or none. It must follow from the settings
    /// alone. [`Span::Both`] is always safe; the others spare the host from finding out the subject of every row first.
    fn span(&self, _repository: RepositoryNumber) -> Span {
        Span::Both
    }

    /// Whether the target's rows are kept equal on the backend that is not their authority. It must follow from its argument
    /// and the settings alone.
    fn mirrored(&self, _target: &Target) -> bool {
        false
    }

    /// Where a read goes. By default: to the authority, without a fallback and without comparing.
    fn read(&self, operation: &Operation, _conditions: &Conditions) -> ReadPlan {
        ReadPlan {
            primary: self.authority(&operation.target),
            fallback: None,
            compare: 0,
        }
    }

    /// Whether an operation goes ahead. It is asked before anything else is decided.
    fn admit(&self, _operation: &Operation) -> Admission {
        Admission::Admit
    }
}

impl<P: Routing + Exported> Guest for P {
    fn describe() -> Description {
        exported::describe::<P>()
    }

    fn configure(settings: Settings) -> Result<(), Refusal> {
        exported::configure::<P>(&settings)
    }

    fn authority(target: Target) -> Backend {
        exported::policy::<P>().authority(&target)
    }

    fn span(repository: RepositoryNumber) -> Span {
        exported::policy::<P>().span(repository)
    }

    fn mirrored(target: Target) -> bool {
        exported::policy::<P>().mirrored(&target)
    }

    fn read(operation: Operation, conditions: Conditions) -> ReadPlan {
        exported::policy::<P>().read(&operation, &conditions)
    }

    fn admit(operation: Operation) -> Admission {
        exported::policy::<P>().admit(&operation)
    }
}

/// Makes a type that is [`Routing`] the policy of its crate, whose name and version it has. The JSON Schema of its settings is
/// derived whenever the host asks, or kept in a file (`export_routing!(MyPolicy, schema = "../settings.schema.json")`, a
/// path as `include_str!` takes it), which spares the module up to 90 KB; see [`check_schema`](crate::testing::check_schema).
#[macro_export]
macro_rules! export_routing {
    ($policy:ident) => {
        $crate::export_routing!(@ $policy, $crate::__private::schema::<<$policy as $crate::routing::Routing>::Settings>());
    };
    ($policy:ident, schema = $path:literal) => {
        $crate::export_routing!(@ $policy, ::core::include_str!($path));
    };
    (@ $policy:ident, $schema:expr) => {
        $crate::__exported!($policy, $crate::routing::Routing, $schema);

        const _: fn() -> $crate::__private::routing::Description =
            <$policy as $crate::__private::routing::Guest>::describe;

        // Only in WebAssembly: elsewhere an exported `read` would take the place of the system's.
        #[cfg(target_family = "wasm")]
        $crate::__private::routing::export_to_host!($policy with_types_in $crate::__private::routing);
    };
}
