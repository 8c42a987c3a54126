/// A repository's place in the configuration: how policies and metrics refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryId(pub u16);

/// One table that Turnout serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Its place among the repositories served.
    pub id: RepositoryId,
    /// The name in the URL; also the table's name.
    pub name: String,
    /// The database schema that holds the table.
    pub schema: String,
    /// The columns of its primary key, in order.
    pub key: Vec<String>,
    /// The column that holds the subject, if its rows belong to one.
    pub subject: Option<String>,
    /// The columns that a comparison looks at; empty means all.
    pub compared: Vec<String>,
}
