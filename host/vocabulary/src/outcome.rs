/// What a backend made of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// JSON as the database built it: an array of rows, one object where a single row was asked for, empty where
    /// none were.
    pub body: String,
    /// How many rows were found or written.
    pub rows: u64,
    /// How many rows match beyond the window, where they were counted.
    pub total: Option<u64>,
    /// How many of the written rows are new; only an insert has any.
    pub inserted: u64,
    /// The transaction of a write, where its rows leave dirty keys.
    pub transaction: Option<i64>,
    /// The key of a single new row, as column and text, where it was asked for.
    pub location: Vec<(String, String)>,
}
