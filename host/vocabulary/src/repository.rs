/// A repository's place in the configuration: how policies and metrics refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryId(pub u16);

/// One table that Turnout serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The repository's place among the repositories served.
    pub id: RepositoryId,
    /// The name in the configuration, metrics and errors, and for policies.
    pub name: String,
    /// The table's name, which is the name in the URL.
    pub table: String,
    /// The database schema that holds the table.
    pub schema: String,
    /// The columns of the table's key, in order: the primary key, or a unique constraint over columns that are not null.
    pub key: Vec<String>,
    /// The column that holds the subject; `None` if the rows belong to no subject.
    pub subject: Option<String>,
    /// The columns that a comparison looks at; empty means all.
    pub compared: Vec<String>,
}
