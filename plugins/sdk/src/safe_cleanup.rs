//! The world `safe-cleanup`: which rows are test rows, and whether a deletion of test rows goes ahead.
//!
//! A policy for which a row is a test row if it says so itself:
//!
//! ```
//! use turnout_policy::safe_cleanup::{Evidence, Repository, Request, Row, SafeCleanup, SettingsError, Verdict};
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Settings {
//!     /// The column that says whether a row is a test row, in every repository.
//!     column: String,
//! }
//!
//! struct Said(String);
//!
//! impl SafeCleanup for Said {
//!     type Settings = Settings;
//!
//!     fn configure(settings: Settings, _: &[Repository]) -> Result<Self, SettingsError> {
//!         Ok(Self(settings.column))
//!     }
//!
//!     fn marks(&self, row: &Row) -> bool {
//!         row.text(&self.0) == Some("t")
//!     }
//!
//!     fn review(&self, _: &Request, evidence: &Evidence) -> Verdict {
//!         if evidence.rows() > 10 { Verdict::TooManyRows(10) } else { Verdict::Agreed }
//!     }
//! }
//!
//! turnout_policy::export_safe_cleanup!(Said);
//!
//! use turnout_policy::safe_cleanup::Column;
//!
//! let policy: Said = turnout_policy::testing::configure(r#"column = "is_test""#, &["clients"]).unwrap();
//! let row = |text: &str| Row {
//!     repository: 0,
//!     subject: None,
//!     columns: vec![Column { name: "is_test".into(), kind: "boolean".into(), text: Some(text.into()) }],
//! };
//! assert!(policy.marks(&row("t")) && !policy.marks(&row("f")));
//! ```

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use crate::bindings::safe_cleanup::turnout::policy::safe_cleanup_types::{
    Column, Count, Evidence, Request, Row, ShareLimit, Verdict,
};
use crate::bindings::safe_cleanup::{Description, Guest, Settings, SettingsError as Refusal};
use crate::exported::{self, Exported};
pub use crate::{Backend, Repository, RepositoryNumber, SettingsError};

/// A policy of the world `safe-cleanup`. No function has a default: what is deleted is agreed to in so many words.
///
/// The host makes as many instances as it likes and may throw one away at any time: what a policy remembers beyond its
/// settings must not matter.
pub trait SafeCleanup: Sized + Send + Sync + 'static {
    /// The settings, as the user writes them in TOML. Let serde refuse what it does not know: `deny_unknown_fields`.
    type Settings: DeserializeOwned + JsonSchema;

    /// Takes the settings. A [`RepositoryNumber`] is an index into `repositories`.
    ///
    /// # Errors
    /// [`SettingsError`], and the settings never come into force.
    fn configure(settings: Self::Settings, repositories: &[Repository]) -> Result<Self, SettingsError>;

    /// Whether a row carries the marks of a test row. The host asks for every row that would go, and one that is not marked refuses the
    /// whole request. It drops whatever is logged meanwhile: the policy is shown a row.
    fn marks(&self, row: &Row) -> bool;

    /// Whether a deletion goes ahead. Any answer but [`Verdict::Agreed`] refuses the request. The host drops whatever is logged
    /// meanwhile: the policy is shown rows.
    fn review(&self, request: &Request, evidence: &Evidence) -> Verdict;
}

impl Row {
    /// The text of a column; `None` if it is null, or the row has no such column.
    #[must_use]
    pub fn text(&self, column: &str) -> Option<&str> {
        let column = self.columns.iter().find(|of| of.name == column)?;
        column.text.as_deref()
    }
}

impl Count {
    /// How many rows would go: those that were requested, and those that refer to rows that go.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.requested.saturating_add(self.referring)
    }
}

impl Evidence {
    /// How many rows would go from all repositories on both backends.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.counts.iter().map(Count::rows).fold(0, u64::saturating_add)
    }
}

impl<P: SafeCleanup + Exported> Guest for P {
    fn describe() -> Description {
        exported::describe::<P>()
    }

    fn configure(settings: Settings) -> Result<(), Refusal> {
        exported::configure::<P>(&settings)
    }

    fn marks(row: Row) -> bool {
        exported::policy::<P>().marks(&row)
    }

    fn review(request: Request, evidence: Evidence) -> Verdict {
        exported::policy::<P>().review(&request, &evidence)
    }
}

/// Makes a type that is [`SafeCleanup`] the policy of its crate, whose name and version it has. The JSON Schema of its settings is
/// derived whenever the host asks, or kept in a file (`export_safe_cleanup!(MyPolicy, schema = "../settings.schema.json")`, a
/// path as `include_str!` takes it), which spares the module up to 90 KB; see [`check_schema`](crate::testing::check_schema).
#[macro_export]
macro_rules! export_safe_cleanup {
    ($policy:ident) => {
        $crate::export_safe_cleanup!(@ $policy, $crate::__private::schema::<<$policy as $crate::safe_cleanup::SafeCleanup>::Settings>());
    };
    ($policy:ident, schema = $path:literal) => {
        $crate::export_safe_cleanup!(@ $policy, ::core::include_str!($path));
    };
    (@ $policy:ident, $schema:expr) => {
        $crate::__exported!($policy, $crate::safe_cleanup::SafeCleanup, $schema);

        const _: fn() -> $crate::__private::safe_cleanup::Description =
            <$policy as $crate::__private::safe_cleanup::Guest>::describe;

        // Only in WebAssembly: elsewhere the exports of two policies would meet in one program.
        #[cfg(target_family = "wasm")]
        $crate::__private::safe_cleanup::export_to_host!($policy with_types_in $crate::__private::safe_cleanup);
    };
}
