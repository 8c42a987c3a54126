use serde::{Deserialize, Serialize};

/// What the configuration says of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionRule {
    /// The names of the repositories that it touches, the target first.
    pub repositories: Vec<String>,
    /// The argument that says whose rows it touches.
    pub subject: Option<String>,
    /// Whether it only reads, where that is not what the catalogue says.
    pub reads: Option<bool>,
}
