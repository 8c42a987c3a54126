use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use turnout_policy::Prefixes;

/// Which rows are test rows, and how many of them may be deleted at once. Every setting has a default.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Settings of the safe-cleanup policy")]
pub struct Settings {
    /// How many rows may go at once, from all repositories together. Rows that refer to rows that go are counted.
    pub(crate) max_rows: u64,
    /// The part of a table that may go at once, from 0 to 1, in steps of 0.0001.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) max_share: f64,
    /// `max_share` counts for tables with more rows than this.
    pub(crate) share_from: u64,
    /// What marks a test row. A part that is left out of this table marks no row. Without the table, a test row is one whose column `name`
    /// contains `[TEST_CLIENT]`, or whose subject begins with `+7 999 00`.
    pub(crate) marks: Marks,
    /// Other marks for single repositories, by name. They take the place of all general ones: an empty table marks no row.
    pub(crate) repositories: BTreeMap<String, Marks>,
}

/// What marks a test row: any of these. Texts have four letters and beginnings four digits at least: shorter ones would mark other rows.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Marks {
    /// Texts that a column contains, by the name of the column. Every letter stands for itself, also `%`, `_` and `[`, and case counts. A
    /// column that there is not is no mistake.
    #[serde(default)]
    pub(crate) contains: BTreeMap<String, Vec<String>>,
    /// What the phone that is the row's subject begins with, such as `+7 999 00`. The host knows all spellings of the phone.
    #[serde(default)]
    pub(crate) subject_prefixes: Prefixes,
    /// What phones in other columns begin with, by the name of the column. Only digits count, not the spaces, hyphens, brackets and `+`
    /// between them. `+7 999 00` and `8 999 00` are different digits, so list both.
    #[serde(default)]
    pub(crate) column_prefixes: BTreeMap<String, Vec<String>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_rows: 100,
            max_share: 0.1,
            share_from: 50,
            marks: Marks::default(),
            repositories: BTreeMap::new(),
        }
    }
}

/// The marks of test rows where the settings say nothing of them.
impl Default for Marks {
    fn default() -> Self {
        Self {
            contains: BTreeMap::from([("name".into(), vec!["[TEST_CLIENT]".into()])]),
            subject_prefixes: Prefixes::from_iter(["+799900"]),
            column_prefixes: BTreeMap::new(),
        }
    }
}
