use serde::Deserialize;

/// What a transaction sees of those that run beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Isolation {
    /// Each statement sees what was committed before it.
    #[default]
    #[serde(rename = "read committed")]
    ReadCommitted,
    /// All statements see what was committed before the first.
    #[serde(rename = "repeatable read")]
    RepeatableRead,
    /// As if transactions ran one after the other.
    #[serde(rename = "serializable")]
    Serializable,
}

impl Isolation {
    /// The words of SQL for it.
    pub(crate) const fn as_sql(self) -> &'static str {
        match self {
            Self::ReadCommitted => "read committed",
            Self::RepeatableRead => "repeatable read",
            Self::Serializable => "serializable",
        }
    }
}
