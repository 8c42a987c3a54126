//! What the exposed schemas hold (tables, views, functions, and how they are related), as PostgreSQL's catalogue has it.

mod cache;
mod check;
mod compare;
#[cfg(test)]
pub(crate) mod fixtures;
mod function;
mod introspect;
mod relationship;
mod relationships;
mod role;
mod shape;
mod table;
mod view;

use std::collections::BTreeMap;

use turnout_vocabulary::{Repository, View};

pub(crate) use cache::SchemaCache;
pub(crate) use check::{key_problems, problems, subject_problems};
pub use compare::SchemaDifference;
pub(crate) use compare::compare;
pub use function::{Argument, Function, Returned, Shaped, Volatility};
pub(crate) use introspect::{introspection, read_schema};
pub use relationship::{Computed, ForeignKey, Join, Junction, Relationship};
pub(crate) use role::RoleSettings;
pub(crate) use shape::Shape;
pub use table::{Generated, Reference, Table, TableColumn, TableKind};

/// The tables of all repositories and all that the exposed schemas hold in one backend, as it was when it was last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// By schema and name.
    tables: Vec<Table>,
    /// The place of each repository's table, by the number of the repository.
    repositories: Vec<Option<usize>>,
    /// The relationships of each table.
    relationships: Vec<Vec<Relationship>>,
    /// By schema and name.
    functions: Vec<Function>,
    /// What is set for roles, by their names.
    roles: BTreeMap<String, RoleSettings>,
    /// Whether Turnout is installed there: the fence is checked, and changes leave dirty keys.
    pub installed: bool,
}

impl Schema {
    /// The table of a repository, unless the backend has none.
    #[must_use]
    pub fn table(&self, repository: &Repository) -> Option<&Table> {
        Some(&self.tables[self.place(repository)?])
    }

    /// The place of a view or a foreign table; `None` if the backend has none of that name.
    #[must_use]
    pub fn view(&self, view: &View) -> Option<usize> {
        let is_it = |table: &Table| table.name == view.name && table.schema == view.schema && table.is_only_read();
        self.tables.iter().position(is_it)
    }

    /// The tables and views of the exposed schemas, and those of the repositories.
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The functions of the exposed schemas.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// What is set for a role; `None` if nothing is.
    pub(crate) fn role(&self, name: &str) -> Option<&RoleSettings> {
        self.roles.get(name)
    }

    /// How the table at this place is related to others.
    #[must_use]
    pub fn relationships(&self, table: usize) -> &[Relationship] {
        self.relationships.get(table).map_or(&[], Vec::as_slice)
    }

    /// The place of a repository's table, unless the backend has none.
    #[must_use]
    pub fn place(&self, repository: &Repository) -> Option<usize> {
        *self.repositories.get(usize::from(repository.id.0))?
    }
}
