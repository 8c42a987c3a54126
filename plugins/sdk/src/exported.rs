use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::bindings::routing::turnout::policy::types;
use crate::{Repository, SettingsError, settings};

/// What `export_routing!`, `export_dual_write!`, `export_divergence!` and `export_safe_cleanup!` say of a policy. Only these macros
/// implement the trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the policy of its crate",
    note = "write `turnout_policy::export_routing!({Self});`, or the macro of another world, such as `export_divergence!`"
)]
pub trait Exported: Sized + Send + Sync + 'static {
    /// As the trait of the policy's world has it.
    type Settings: DeserializeOwned + JsonSchema;
    /// The name of the crate.
    const NAME: &'static str;
    /// The version of the crate.
    const VERSION: &'static str;

    /// As the trait of the policy's world has it.
    ///
    /// # Errors
    /// As the trait of the policy's world has it.
    fn configured(settings: Self::Settings, repositories: &[Repository]) -> Result<Self, SettingsError>;

    /// The JSON Schema of the settings.
    fn schema() -> String;

    /// The place that keeps the policy once it is configured.
    fn kept() -> &'static OnceLock<Self>;
}

/// The policy that `configure` has kept.
pub(crate) fn policy<P: Exported>() -> &'static P {
    P::kept()
        .get()
        .expect("the host configures a policy before it asks for decisions")
}

pub(crate) fn describe<P: Exported>() -> types::Description {
    types::Description {
        name: P::NAME.into(),
        version: P::VERSION.into(),
        settings_schema: P::schema(),
    }
}

pub(crate) fn configure<P: Exported>(told: &types::Settings) -> Result<(), types::SettingsError> {
    let policy = read(&told.json, &told.repositories).map_err(SettingsError::told_to_host)?;
    P::kept()
        .set(policy)
        .map_err(|_| types::SettingsError::Other("this instance has its settings already".into()))
}

/// A policy configured with settings in JSON.
pub(crate) fn read<P: Exported>(json: &str, repositories: &[Repository]) -> Result<P, SettingsError> {
    P::configured(settings::read(json)?, repositories)
}

/// What these macros write: the policy's name, version, settings, and the place where it is kept.
#[doc(hidden)]
#[macro_export]
macro_rules! __exported {
    ($policy:ident, $world:path, $schema:expr) => {
        impl $crate::__private::Exported for $policy {
            type Settings = <$policy as $world>::Settings;
            const NAME: &'static str = ::core::env!("CARGO_PKG_NAME");
            const VERSION: &'static str = ::core::env!("CARGO_PKG_VERSION");

            fn configured(
                settings: Self::Settings,
                repositories: &[$crate::Repository],
            ) -> ::core::result::Result<Self, $crate::SettingsError> {
                <$policy as $world>::configure(settings, repositories)
            }

            fn schema() -> ::std::string::String {
                $schema.into()
            }

            fn kept() -> &'static ::std::sync::OnceLock<Self> {
                static POLICY: ::std::sync::OnceLock<$policy> = ::std::sync::OnceLock::new();
                &POLICY
            }
        }
    };
}
