use serde::Deserialize;

use crate::error::{ColumnUse, Error};

/// One table or view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its schema.
    pub schema: String,
    /// Its name, without the schema.
    pub name: String,
    /// Its quoted name with the schema, as SQL has it.
    pub(crate) qualified: String,
    /// What it is.
    pub kind: TableKind,
    /// Its columns, in order.
    pub columns: Vec<TableColumn>,
    /// The columns of its primary key, in order; empty if it has none. Of a view those that show the primary key of one of its tables.
    pub primary_key: Vec<String>,
    /// The columns of each key that an upsert may name: the primary key, unique constraints and unique indexes over
    /// plain columns and all rows.
    pub unique_keys: Vec<Vec<String>>,
    /// The tables that its foreign keys refer to.
    pub references: Vec<Reference>,
    /// The tables that a view is made of, whichever views are between.
    pub parts: Vec<Reference>,
}

/// What keeps rows or shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum TableKind {
    /// A table that keeps its rows itself.
    #[serde(rename = "r")]
    Plain,
    /// A table whose partitions keep its rows.
    #[serde(rename = "p")]
    Partitioned,
    /// A table of another server.
    #[serde(rename = "f")]
    Foreign,
    /// A view.
    #[serde(rename = "v")]
    View,
    /// A view that keeps the rows it had when it was last refreshed.
    #[serde(rename = "m")]
    MaterializedView,
}

/// A table that a foreign key or a view refers to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Reference {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub table: String,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// Its type as SQL writes it, without length or precision, so that a cast to it cuts nothing off.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The type that filters cast their values to: of a domain the type it is made of, so that a value which the domain's check
    /// refuses matches no row.
    pub(crate) compared_type: String,
    /// Whether it refuses null.
    pub not_null: bool,
    /// The expression that fills it when nothing is written to it.
    pub default: Option<String>,
    /// Whether the database makes its value.
    pub generated: Generated,
}

/// Whether the database makes a column's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Generated {
    /// It does not.
    No,
    /// It computes it from other columns.
    Stored,
    /// It counts, and refuses other values.
    IdentityAlways,
    /// It counts where no value is written.
    IdentityByDefault,
}

impl Table {
    /// Whether it keeps its rows itself, unlike a partitioned table or a view.
    pub(crate) fn is_plain(&self) -> bool {
        self.kind == TableKind::Plain
    }

    /// Whether it only shows rows of others.
    #[must_use]
    pub fn is_view(&self) -> bool {
        matches!(self.kind, TableKind::View | TableKind::MaterializedView)
    }

    /// Whether requests can read it and nothing else: changes of it can't be captured.
    pub(crate) fn is_only_read(&self) -> bool {
        self.is_view() || self.kind == TableKind::Foreign
    }

    /// The column of that name.
    pub(crate) fn column(&self, name: &str, usage: ColumnUse) -> Result<&TableColumn, Error> {
        self.columns
            .iter()
            .find(|column| column.name == name)
            .ok_or_else(|| Error::UnknownColumn {
                table: self.name.clone(),
                column: name.to_owned(),
                usage,
            })
    }
}
