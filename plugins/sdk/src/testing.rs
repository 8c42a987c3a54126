//! For native unit tests of a policy: `cargo test` needs no host and no WebAssembly.

use std::path::Path;

use serde_json::Value;

use crate::exported::{self, Exported};
use crate::{Repository, SettingsError, settings};

/// A policy with these settings: TOML as users write it, or JSON if it begins with `{`. Subjects are taken as they are
/// written, so write them in E.164. A repository may be given by its name alone; its rows then belong to subjects.
///
/// # Errors
/// [`SettingsError`] as the user would meet it.
pub fn configure<P: Exported>(
    settings: &str,
    repositories: &[impl Clone + Into<Repository>],
) -> Result<P, SettingsError> {
    let repositories: Vec<_> = repositories.iter().cloned().map(Into::into).collect();
    if settings.trim_start().starts_with('{') {
        return exported::read(settings, &repositories);
    }
    let table: toml::Table = toml::from_str(settings)?;
    exported::read(&serde_json::to_string(&table)?, &repositories)
}

/// Checks that the file that holds the JSON Schema of a policy's settings says what is derived from their type; else writes it
/// anew. Begin with a file that is `{}`.
///
/// # Panics
/// If the file was not up to date.
pub fn check_schema<P: Exported>(file: impl AsRef<Path>) {
    let derived = settings::schema::<P::Settings>();
    let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
    if parsed(&P::schema()) != parsed(&derived) {
        let file = file.as_ref();
        std::fs::write(file, derived + "\n").expect("the schema should be writable");
        panic!(
            "the settings have changed, and {} with them: look at it and keep it",
            file.display()
        );
    }
}
