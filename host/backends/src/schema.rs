//! What the tables of the repositories look like, as PostgreSQL's catalogue has it.

mod cache;
mod check;
mod compare;
mod introspect;
mod shape;
mod table;

use turnout_vocabulary::Repository;

pub(crate) use cache::SchemaCache;
pub(crate) use check::{key_problems, problems, subject_problems};
pub use compare::SchemaDifference;
pub(crate) use compare::compare;
pub(crate) use introspect::{introspection, read_schema};
pub(crate) use shape::Shape;
pub use table::{Generated, Reference, Table, TableColumn};

/// The tables of all repositories in one backend, as they were when they were last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// By the number of the repository.
    tables: Vec<Option<Table>>,
    /// Whether Turnout is installed there: the fence is checked, and changes leave dirty keys.
    pub installed: bool,
}

impl Schema {
    /// The table of a repository, unless the backend has none.
    #[must_use]
    pub fn table(&self, repository: &Repository) -> Option<&Table> {
        self.tables.get(usize::from(repository.id.0))?.as_ref()
    }
}
