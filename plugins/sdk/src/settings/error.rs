use std::fmt::{self, Debug, Display, Formatter};

use super::escape;
use crate::bindings::routing::turnout::policy::types;

/// Why settings are refused. `?` makes a `SettingsError` of any [`std::error::Error`].
///
/// The host names the line of the settings file from the pointer.
#[derive(PartialEq, Eq)]
pub struct SettingsError {
    pointer: Option<String>,
    reason: String,
}

impl SettingsError {
    /// A mistake that no single value is to blame for, in words for the person who wrote the settings. Never repeat a subject.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            pointer: None,
            reason: reason.into(),
        }
    }

    /// A wrong value. `pointer` is a JSON Pointer (RFC 6901) to it, such as `/cohort/0/stage`, or to the table that lacks a missing
    /// value. `reason` says what is wrong and what would be right. Never repeat a subject.
    pub fn at(pointer: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            pointer: Some(pointer.into()),
            reason: reason.into(),
        }
    }

    /// The error of an inner table as an error of the table around it, which holds the inner one under `key`.
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
