//! What one side is and holds, as `host/backends/src/preflight/catalogue.sql` reads it.

use serde::Deserialize;
use turnout_backends::quoted;

/// One side.
#[derive(Clone, Debug, Deserialize)]
pub struct Catalogue {
    /// The database itself.
    pub database: Settings,
    /// The roles of its server.
    pub roles: Vec<String>,
    /// The extensions that are installed.
    pub extensions: Vec<Extension>,
    /// The enums of the schemas and of the tables.
    pub enums: Vec<Enum>,
    /// The tables asked for that are there.
    pub tables: Vec<Table>,
    /// The functions and procedures of the schemas, in the order of their names.
    pub functions: Vec<Function>,
    /// The views of the schemas, each after those that it is made of.
    pub views: Vec<View>,
}

/// What a database is.
#[derive(Clone, Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of the catalogue")]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// The version of PostgreSQL, as `server_version_num` has it.
    pub version: u32,
    /// The encoding of texts.
    pub encoding: String,
    /// How texts are sorted by default.
    pub collation: String,
    /// How characters are classified by default.
    pub ctype: String,
    /// What sorts texts: `c`, `i` (ICU) or `b` (built in).
    pub provider: String,
    /// The locale of that, if it has one.
    pub locale: Option<String>,
    /// The time zone that sessions begin with; `None` if it can't be read.
    pub time_zone: Option<String>,
    /// The role that Turnout connects as.
    pub role: String,
    /// Whether that is a superuser.
    pub superuser: bool,
    /// Whether row-level security does not bind it.
    pub bypasses_row_security: bool,
    /// Whether it can make the schema `turnout`, or that is there.
    pub creates_schemas: bool,
    /// Whether the mirror can keep the application's triggers silent.
    pub silences_triggers: bool,
}

/// An extension.
#[derive(Clone, Debug, Deserialize)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The schema of its objects.
    pub schema: String,
    /// Whether a table asked for has a column, a default or an index that needs it.
    pub used: bool,
}

/// An enum.
#[derive(Clone, Debug, Deserialize)]
pub struct Enum {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its labels in order.
    pub labels: Vec<String>,
    /// The columns of any table that have it.
    pub columns: Vec<EnumColumn>,
}

/// A column that has an enum.
#[derive(Clone, Debug, Deserialize)]
pub struct EnumColumn {
    /// Its table, as SQL names it.
    pub table: String,
    /// Its name.
    pub column: String,
    /// Whether it has an array of the enum.
    pub is_array: bool,
    /// Its default.
    pub default: Option<String>,
}

/// A table.
#[derive(Clone, Debug, Deserialize)]
pub struct Table {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// How it is partitioned, if it is.
    pub partitioned_by: Option<String>,
    /// Its owner.
    pub owner: String,
    /// Whether Turnout's role has the rights of the owner.
    pub owned: bool,
    /// Whether row-level security is on.
    pub row_security: bool,
    /// Whether that binds the owner, too.
    pub forced_row_security: bool,
    /// About how many rows it has.
    pub rows: u64,
    /// Its size with indexes.
    pub bytes: u64,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// Its constraints.
    pub constraints: Vec<Constraint>,
    /// The foreign keys that refer to it.
    pub referenced_by: Vec<Referring>,
    /// Its indexes.
    pub indexes: Vec<Index>,
    /// The application's triggers.
    pub triggers: Vec<Trigger>,
    /// Its policies of row-level security.
    pub policies: Vec<Policy>,
    /// What other roles than its owner may do.
    pub grants: Vec<Grant>,
}

/// A column.
#[derive(Clone, Debug, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type with length, precision and scale, as SQL names it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The same without the schema where an extension has the type.
    pub compared_type: String,
    /// What its domain is made of.
    pub domain: Option<String>,
    /// Whether its type is a number.
    pub is_number: bool,
    /// Whether null is refused.
    pub not_null: bool,
    /// Its default.
    pub default: Option<String>,
    /// The expression that computes it.
    pub generated: Option<String>,
    /// `a` (always) or `d` (by default) if it is an identity.
    pub identity: Option<String>,
    /// Its collation, if that is not the one of its type.
    pub collation: Option<String>,
    /// The sequence that numbers it.
    pub sequence: Option<Sequence>,
}

/// A sequence that numbers a column.
#[derive(Clone, Debug, Deserialize)]
pub struct Sequence {
    /// It, as SQL names it.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its step.
    pub increment: i64,
    /// Whether Turnout's role may read it and take numbers from it.
    pub usable: bool,
    /// Whether it goes with the column.
    pub owned: bool,
}

/// A constraint.
#[derive(Clone, Debug, Deserialize)]
pub struct Constraint {
    /// Its name.
    pub name: String,
    /// `p`, `u`, `c`, `x` or `f`, as the catalogue has it.
    pub kind: String,
    /// Its definition.
    pub definition: String,
    /// Whether all rows are known to keep it.
    pub validated: bool,
    /// The condition of a check.
    pub expression: Option<String>,
    /// Its columns in order.
    pub columns: Vec<String>,
    /// The table that a foreign key refers to, as SQL names it.
    pub target: Option<String>,
    /// The columns there.
    pub target_columns: Vec<String>,
}

/// A foreign key, seen from the table that it refers to.
#[derive(Clone, Debug, Deserialize)]
pub struct Referring {
    /// The table that refers, as SQL names it.
    pub table: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The columns that they refer to.
    pub target_columns: Vec<String>,
}

/// An index.
#[derive(Clone, Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of the catalogue")]
pub struct Index {
    /// Its name.
    pub name: String,
    /// The statement that makes it.
    pub definition: String,
    /// What of that follows the table.
    pub shape: String,
    /// Whether it refuses duplicates.
    pub unique: bool,
    /// Whether queries can use it.
    pub valid: bool,
    /// Whether it refuses duplicates at once, not when a transaction ends.
    pub immediate: bool,
    /// Whether two nulls are duplicates.
    pub nulls_not_distinct: bool,
    /// The constraint that it keeps, if any.
    pub constraint: Option<String>,
    /// What it is over, in order.
    pub expressions: Vec<String>,
    /// Whether it is over columns alone.
    pub plain: bool,
    /// The condition of a partial index.
    pub predicate: Option<String>,
}

/// A trigger.
#[derive(Clone, Debug, Deserialize)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// The statement that makes it.
    pub definition: String,
    /// When it fires, as the catalogue has it: `O`, `D`, `R` or `A`.
    pub enabled: String,
}

/// A policy of row-level security.
#[derive(Clone, Debug, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// The roles that it is for.
    pub roles: Vec<String>,
    /// The statement that makes it.
    pub definition: String,
}

/// A privilege.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Grant {
    /// Who has it; `public` if everybody has.
    pub role: String,
    /// It, as SQL names it.
    pub privilege: String,
}

/// A function or a procedure.
#[derive(Clone, Debug, Deserialize)]
pub struct Function {
    /// It with the types of its arguments, as SQL names it.
    pub name: String,
    /// The statement that makes it.
    pub definition: String,
    /// Whether it is a procedure.
    pub procedure: bool,
}

/// A view.
#[derive(Clone, Debug, Deserialize)]
pub struct View {
    /// It, as SQL names it.
    pub name: String,
    /// The statement that makes it.
    pub definition: String,
    /// Whether it keeps its rows.
    pub materialized: bool,
}

impl Catalogue {
    /// A table by its schema and name.
    #[must_use]
    pub fn table(&self, schema: &str, name: &str) -> Option<&Table> {
        self.tables
            .iter()
            .find(|table| table.schema == schema && table.name == name)
    }
}

impl Table {
    /// It, as SQL names it.
    #[must_use]
    pub fn qualified(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }

    /// It, as people name it.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// A column by its name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether exactly these columns tell its rows apart.
    #[must_use]
    pub fn is_unique_by(&self, key: &[String]) -> bool {
        let mut key: Vec<String> = key.iter().map(|column| quoted(column)).collect();
        key.sort_unstable();
        self.indexes.iter().any(|index| {
            let mut columns: Vec<String> = index.expressions.iter().map(|column| requoted(column)).collect();
            columns.sort_unstable();
            index.unique && index.valid && index.immediate && index.plain && index.predicate.is_none() && columns == key
        })
    }
}

/// A column that PostgreSQL quoted only where it must be, quoted.
fn requoted(column: &str) -> String {
    if column.starts_with('"') {
        column.to_owned()
    } else {
        quoted(column)
    }
}
