use std::fmt;

/// Stands for a value of the answer to an earlier operation of the same transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The operation, by its place in the transaction.
    pub operation: usize,
    /// The place of the row in the answer, and the column. `None` stands for the number of rows.
    pub cell: Option<(usize, String)>,
}

/// The text of the value that a reference stands for; `None` for null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referred(pub Option<String>);

/// A reference in place of a value in the JSON text of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedReference {
    /// At which byte of the text the `null` begins that holds its place.
    pub at: usize,
    /// The row, by its place.
    pub row: usize,
    /// The column.
    pub column: String,
    /// The reference.
    pub reference: Reference,
}

/// As callers write it: `0.rows.0.id` or `0.count`.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = self.operation;
        match &self.cell {
            Some((row, column)) => write!(f, "{operation}.rows.{row}.{column}"),
            None => write!(f, "{operation}.count"),
        }
    }
}
