use std::fmt;

use serde::{Deserialize, Serialize};

/// What the subjects of a site are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectKind {
    /// Phone numbers; the one spelling is E.164 (`+79686484488`).
    Phone,
    /// Email addresses; the one spelling has no spaces around it and is in lower case.
    Email,
    /// UUIDs; the one spelling is lower-case and hyphenated.
    Uuid,
    /// Any text that is not empty; it has no other spelling.
    Text,
}

impl SubjectKind {
    /// The word for it in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Uuid => "uuid",
            Self::Text => "text",
        }
    }

    /// One of them, in words for people.
    #[must_use]
    pub const fn one(self) -> &'static str {
        match self {
            Self::Phone => "a phone number",
            Self::Email => "an email address",
            Self::Uuid => "a UUID",
            Self::Text => "a text that is not empty",
        }
    }
}

impl fmt::Display for SubjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
