use std::fmt::{self, Debug, Display, Formatter};

use super::escape;
use crate::bindings::routing::turnout::policy::types;

/// Why settings are refused. `?` makes one of any [`std::error::Error`].
///
/// The host names the line of the settings file from the pointer.
#[derive(PartialEq, Eq)]
pub struct SettingsError {
    pointer: Option<String>,
    reason: String,
}

impl SettingsError {
    /// What no single value is to blame for, in words for the person who wrote the settings. Never repeat a subject.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            pointer: None,
            reason: reason.into(),
        }
    }

    /// A wrong value, where it stands as a JSON Pointer (RFC 6901) such as `/cohort/0/stage`, with what is wrong and what
    /// would be right. For a missing value the pointer is that of the table that lacks it. Never repeat a subject.
    pub fn at(pointer: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            pointer: Some(pointer.into()),
            reason: reason.into(),
        }
    }

    /// The same error of a table, seen from the table around it, which has it under `key`.
    #[must_use]
    pub fn within(self, key: &str) -> Self {
        let rest = self.pointer.unwrap_or_default();
        Self::at(format!("/{}{rest}", escape(key)), self.reason)
    }

    /// Where the wrong value stands, if a single one is to blame.
    #[must_use]
    pub fn pointer(&self) -> Option<&str> {
        self.pointer.as_deref()
    }

    /// What is wrong.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    pub(crate) fn told_to_host(self) -> types::SettingsError {
        let reason = self.reason;
        match self.pointer {
            Some(pointer) => types::SettingsError::Invalid(types::InvalidSetting { pointer, reason }),
            None => types::SettingsError::Other(reason),
        }
    }
}

impl<E: std::error::Error> From<E> for SettingsError {
    fn from(error: E) -> Self {
        Self::new(error.to_string())
    }
}

impl Display for SettingsError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.pointer() {
            Some(pointer) if !pointer.is_empty() => write!(f, "{pointer}: {}", self.reason),
            _ => f.write_str(&self.reason),
        }
    }
}

/// As people read it: that is what `unwrap` shows in a test.
impl Debug for SettingsError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}
