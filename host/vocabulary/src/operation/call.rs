use super::Find;

/// Calls a database function.
#[derive(Clone, Debug)]
pub struct FunctionCall {
    /// The schema of the function.
    pub schema: String,
    /// The function's name.
    pub name: String,
    /// What it is given.
    pub arguments: Arguments,
    /// Whether it must not change rows, whatever the function is.
    pub read_only: bool,
    /// Whether it may change rows. Decided before it is carried out.
    pub writes: bool,
    /// What the answer holds of the function's result.
    pub result: Find,
    /// How many values the result may have: a larger number takes back what the function did.
    pub at_most: Option<i64>,
}

/// What a function is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arguments {
    /// Texts by name, in the order of the request. A name that comes several times has several values.
    Texts(Vec<(String, String)>),
    /// The JSON text of a body, and the names of its arguments.
    Json {
        /// The body.
        text: String,
        /// The keys of the object that the body is, or that comes first in it.
        names: Vec<String>,
    },
    /// A whole body, for a function with one argument that has no name.
    Whole {
        /// The argument's type: `text`, `xml` or `bytea`.
        type_name: &'static str,
        /// The body; of `bytea` in hexadecimal digits.
        text: String,
    },
}

impl Arguments {
    /// The names of the arguments, in alphabetical order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = match self {
            Self::Texts(texts) => texts.iter().map(|(name, _)| name.as_str()).collect(),
            Self::Json { names, .. } => names.iter().map(String::as_str).collect(),
            Self::Whole { .. } => Vec::new(),
        };
        names.sort_unstable();
        names.dedup();
        names
    }
}
