use super::{BodyForm, Filter, PlacedReference, Reference, Selected};

/// Adds rows.
#[derive(Clone, Debug)]
pub struct Insert {
    /// The rows.
    pub rows: Rows,
    /// What to do about rows whose key is taken; `None` makes that an error.
    pub conflict: Option<Conflict>,
    /// The key that the caller names, of an upsert of one row. The row that has it is written alone, and any other number of rows than one
    /// takes the write back. `None` writes all rows.
    pub keyed: Option<Filter>,
    /// What the answer holds.
    pub returning: Returning,
}

/// Changes the rows that match a filter.
#[derive(Clone, Debug)]
pub struct Update {
    /// The new values: one row.
    pub change: Rows,
    /// The rows to change.
    pub filter: Filter,
    /// What the answer holds.
    pub returning: Returning,
}

/// Removes the rows that match a filter.
#[derive(Clone, Debug)]
pub struct Delete {
    /// The rows to remove.
    pub filter: Filter,
    /// What the answer holds.
    pub returning: Returning,
}

/// Rows as the caller wrote them. Their JSON goes to the database as it came: no number is parsed on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// A JSON array of objects.
    pub json: String,
    /// The columns to be written, which every object has unless the caller listed them.
    pub columns: Vec<String>,
    /// Whether a listed column that an object lacks gets its default; otherwise it gets null.
    pub defaults: bool,
    /// For each row, the text in the repository's subject column; `None` where the column is absent or null.
    pub subjects: Vec<Option<String>>,
    /// The values that come from earlier answers, in the order of their places in the JSON.
    pub references: Vec<PlacedReference>,
}

impl Rows {
    /// The JSON with these JSON texts in place of references.
    ///
    /// # Errors
    /// What `value` fails with.
    pub fn resolved<E>(&self, mut value: impl FnMut(&Reference) -> Result<String, E>) -> Result<String, E> {
        let mut resolved = String::with_capacity(self.json.len());
        let mut rest = 0;
        for PlacedReference { at, reference, .. } in &self.references {
            resolved.push_str(self.json.get(rest..*at).unwrap_or_default());
            resolved.push_str(&value(reference)?);
            rest = at + "null".len();
        }
        resolved.push_str(self.json.get(rest..).unwrap_or_default());
        Ok(resolved)
    }
}

/// What an upsert does about rows whose key is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The columns of the unique key that decides; empty means the primary key.
    pub columns: Vec<String>,
    /// What becomes of such a row.
    pub resolution: Resolution,
}

/// What becomes of a row whose key is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The columns that were sent replace those of the existing row.
    Merge,
    /// The existing row stays as it is.
    Ignore,
}

/// What the answer to a write holds, and how many rows it may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Returning {
    /// What the answer holds of each written row; `None` for no rows at all.
    pub rows: Option<Vec<Selected>>,
    /// Whether the answer names the key of a single new row.
    pub location: bool,
    /// Whether the answer must be exactly one row: any other number takes the write back.
    pub single: bool,
    /// How many rows may be written: a larger number takes the write back.
    pub at_most: Option<i64>,
    /// What the body is made of.
    pub body: BodyForm,
}
