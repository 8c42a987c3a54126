use std::collections::BTreeMap;

use turnout_backends::{Database, Error, Generated, Schema, TableColumn};
use turnout_vocabulary::{PerBackend, Repository};

/// The columns of a table, as both sides have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// The columns that are compared, in one order: those that both sides have and that at least one side does not compute.
    pub common: Vec<String>,
    /// The columns that one side alone has.
    pub missing: Vec<String>,
}

impl Columns {
    /// Those that the configuration has compared (`repositories.NAME.compared`), with the key; all if it names none.
    ///
    /// # Errors
    /// Whatever keeps a backend from answering.
    pub async fn configured(sides: &PerBackend<Database>, repository: &Repository) -> Result<Self, Error> {
        let mut columns = Self::of(sides, repository).await?;
        if !repository.compared.is_empty() {
            let is_chosen = |name: &String| repository.compared.contains(name) || repository.key.contains(name);
            columns.common.retain(is_chosen);
            columns.missing.retain(is_chosen);
        }
        Ok(columns)
    }

    /// All columns of a repository.
    ///
    /// # Errors
    /// Whatever keeps a backend from answering.
    pub async fn of(sides: &PerBackend<Database>, repository: &Repository) -> Result<Self, Error> {
        let (old, new) = tokio::try_join!(sides.old.schema(), sides.new.schema())?;
        let of = |schema: &Schema| -> BTreeMap<String, bool> {
            let columns = schema.table(repository).map_or(&[][..], |table| &table.columns);
            let column = |column: &TableColumn| (column.name.clone(), column.generated == Generated::Stored);
            columns.iter().map(column).collect()
        };
        let (old, new) = (of(&old), of(&new));
        let mut columns = Self {
            common: Vec::new(),
            missing: new.keys().filter(|name| !old.contains_key(*name)).cloned().collect(),
        };
        for (name, is_computed) in old {
            match new.get(&name) {
                None => columns.missing.push(name),
                Some(is_computed_too) if is_computed && *is_computed_too => {}
                Some(_) => columns.common.push(name),
            }
        }
        columns.missing.sort_unstable();
        Ok(columns)
    }
}
