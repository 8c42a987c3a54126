//! The world `divergence`: what counts as equal, when people hear of divergences, and what becomes of them.
//!
//! A policy for which some columns may differ:
//!
//! ```
//! use turnout_policy::divergence::{Divergence, Pair, Repository, SettingsError, differing};
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Settings {
//!     /// The columns that may differ, in every repository.
//!     ignore: Vec<String>,
//! }
//!
//! struct Ignoring(Vec<String>);
//!
//! impl Divergence for Ignoring {
//!     type Settings = Settings;
//!
//!     fn configure(settings: Settings, _: &[Repository]) -> Result<Self, SettingsError> {
//!         Ok(Self(settings.ignore))
//!     }
//!
//!     fn compare(&self, pair: &Pair) -> Vec<u32> {
//!         differing(pair, |column| !self.0.contains(&column.name))
//!     }
//! }
//!
//! turnout_policy::export_divergence!(Ignoring);
//!
//! use turnout_policy::divergence::Column;
//!
//! let policy: Ignoring = turnout_policy::testing::configure(r#"ignore = ["updated_at"]"#, &["clients"]).unwrap();
//! let column = |name: &str, old: &str| Column {
//!     name: name.into(),
//!     kind: "text".into(),
//!     old: Some(old.into()),
//!     new: Some("7".into()),
//! };
//! let columns = vec![column("id", "7"), column("name", "8"), column("updated_at", "9")];
//! assert_eq!(policy.compare(&Pair { repository: 0, columns }), [1]);
//! ```

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use crate::bindings::divergence::turnout::policy::divergence_types::{
    Alert, AlertKind, Column, Count, DivergedRow, Form, Pair, RepairAction, Severity, Source, Window,
};
use crate::bindings::divergence::{Description, Guest, Settings, SettingsError as Refusal};
use crate::exported::{self, Exported};
pub use crate::{Backend, Repository, RepositoryNumber, SettingsError};

/// A policy of the world `divergence`. Only `configure` must be written. The defaults of the other functions are always safe.
///
/// The host makes as many instances as it likes and may throw one away at any time: what a policy remembers beyond its
/// settings must not matter.
pub trait Divergence: Sized + Send + Sync + 'static {
    /// The settings, as the user writes them in TOML. Let serde refuse what it does not know: `deny_unknown_fields`.
    type Settings: DeserializeOwned + JsonSchema;

    /// Takes the settings. A [`RepositoryNumber`] is an index into `repositories`.
    ///
    /// # Errors
    /// [`SettingsError`], and the settings never come into force.
    fn configure(settings: Self::Settings, repositories: &[Repository]) -> Result<Self, SettingsError>;

    /// The columns that really differ, by their places; if there are none, the rows count as equal. By default: every column whose
    /// texts differ. The host drops whatever is logged meanwhile: the policy is shown a row.
    fn compare(&self, pair: &Pair) -> Vec<u32> {
        differing(pair, |_| true)
    }

    /// Who should hear of what was compared lately. By default: nobody. The host takes the first 8 alerts. It asks every 10 seconds and
    /// raises an alert that goes on being said once in each length of the window.
    fn assess(&self, _window: &Window) -> Vec<Alert> {
        Vec::new()
    }

    /// What is done about a divergence. By default: nothing.
    fn repair(&self, _row: &DivergedRow) -> RepairAction {
        RepairAction::Leave
    }
}

/// The places of the columns whose texts differ and that `matters` says matter.
#[must_use]
pub fn differing(pair: &Pair, matters: impl Fn(&Column) -> bool) -> Vec<u32> {
    let columns = (0..).zip(&pair.columns);
    columns
        .filter(|(_, column)| column.old != column.new && matters(column))
        .map(|(place, _)| place)
        .collect()
}

impl<P: Divergence + Exported> Guest for P {
    fn describe() -> Description {
        exported::describe::<P>()
    }

    fn configure(settings: Settings) -> Result<(), Refusal> {
        exported::configure::<P>(&settings)
    }

    fn compare(pair: Pair) -> Vec<u32> {
        exported::policy::<P>().compare(&pair)
    }

    fn assess(window: Window) -> Vec<Alert> {
        exported::policy::<P>().assess(&window)
    }

    fn repair(row: DivergedRow) -> RepairAction {
        exported::policy::<P>().repair(&row)
    }
}

/// Makes a type that is [`Divergence`] the policy of its crate, whose name and version it has. The JSON Schema of its settings is
/// derived whenever the host asks, or kept in a file (`export_divergence!(MyPolicy, schema = "../settings.schema.json")`, a
/// path as `include_str!` takes it), which spares the module up to 90 KB; see [`check_schema`](crate::testing::check_schema).
#[macro_export]
macro_rules! export_divergence {
    ($policy:ident) => {
        $crate::export_divergence!(@ $policy, $crate::__private::schema::<<$policy as $crate::divergence::Divergence>::Settings>());
    };
    ($policy:ident, schema = $path:literal) => {
        $crate::export_divergence!(@ $policy, ::core::include_str!($path));
    };
    (@ $policy:ident, $schema:expr) => {
        $crate::__exported!($policy, $crate::divergence::Divergence, $schema);

        const _: fn() -> $crate::__private::divergence::Description =
            <$policy as $crate::__private::divergence::Guest>::describe;

        // Only in WebAssembly: elsewhere the exports of two policies would meet in one program.
        #[cfg(target_family = "wasm")]
        $crate::__private::divergence::export_to_host!($policy with_types_in $crate::__private::divergence);
    };
}
