use serde::Deserialize;
use turnout_backends::Settings;
use turnout_vocabulary::Backend;

use super::Environment;
use super::section::Section;

/// One of the two databases, as configured.
#[derive(Debug)]
pub(crate) struct BackendConfig {
    /// Its name for people.
    pub(crate) label: String,
    /// How the host connects to it.
    pub(crate) settings: Settings,
    /// What happens to writes that do not come through Turnout.
    pub(crate) guard: Guard,
    /// Whether cleanups may remove rows there.
    pub(crate) cleanup: Cleanup,
}

/// Whether cleanups may remove rows of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Cleanup {
    /// They may not: only dry runs go through.
    #[default]
    Forbidden,
    /// They may, as far as the safe-cleanup policy agrees.
    Allowed,
}

/// What happens to writes that do not come through Turnout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Guard {
    /// The database lets them in. The mirror copies those to rows whose authority is this side.
    #[default]
    Open,
    /// The database refuses them.
    Strict,
}

impl BackendConfig {
    pub(crate) fn read(mut section: Section<'_, '_>, backend: Backend, environment: Environment<'_>) -> Option<Self> {
        let variable = format!("TURNOUT_{}_URL", backend.as_str().to_uppercase());
        let usable = |url: &str| {
            let reason = Settings::new(url).check();
            reason.map_err(|reason| format!("this database URL can't be used: {reason}"))
        };
        let url = section.secret("url", &variable, environment, usable);
        let label = section.value("label").unwrap_or_else(|| backend.to_string());
        let mut settings = Settings::new(url.clone().unwrap_or_default());
        if let Some(connections) = section.positive("pool") {
            settings.max_connections = connections;
        }
        if let Some(timeout) = section.duration("acquire_timeout") {
            settings.acquire_timeout = timeout;
        }
        if let Some(timeout) = section.duration("statement_timeout") {
            settings.statement_timeout = timeout;
        }
        if let Some(statements) = section.value("statement_cache") {
            settings.statement_cache_capacity = statements;
        }
        let guard = section.value("guard").unwrap_or_default();
        let cleanup = section.value("cleanup").unwrap_or_default();
        section.finish();
        url.map(|_| Self {
            label,
            settings,
            guard,
            cleanup,
        })
    }
}
