use serde::{Deserialize, Serialize};

/// Why the application's writes are refused. The record of epochs holds it in the same shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Since when, in seconds of Unix time.
    pub since: u64,
    /// Who asked for it, in their own words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// Why, in their own words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}
