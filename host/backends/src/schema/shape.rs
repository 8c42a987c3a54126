use serde::Deserialize;

/// All that is compared of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Shape {
    /// The role that Turnout connects as.
    pub(super) role: String,
    pub(super) columns: Vec<ShapeColumn>,
    /// Its unique keys and indexes, each as its columns or its definition.
    pub(super) unique: Vec<String>,
    /// Its check and exclusion constraints.
    pub(super) checks: Vec<String>,
    /// Its foreign keys.
    pub(super) references: Vec<String>,
    /// Its other indexes.
    pub(super) indexes: Vec<String>,
    /// The names of the application's triggers.
    pub(super) triggers: Vec<String>,
}

/// All that is compared of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct ShapeColumn {
    pub(super) name: String,
    /// With length, precision and scale.
    #[serde(rename = "type")]
    pub(super) type_name: String,
    /// What a domain is made of.
    pub(super) domain: Option<String>,
    /// The labels of an enum.
    pub(super) labels: Vec<String>,
    /// The schema of its type, where that is not in the search path of Turnout's role.
    pub(super) out_of_path: Option<String>,
    pub(super) not_null: bool,
    pub(super) default: Option<String>,
    /// The expression that computes it.
    pub(super) generated: Option<String>,
    /// `a` or `d`, as the catalogue has it.
    pub(super) identity: Option<String>,
    pub(super) collation: Option<String>,
    /// Whether only equal texts are equal.
    pub(super) deterministic: bool,
}
