/// What a backend answers to an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// JSON as the database built it: an array of rows, or one object where a single row was asked for. Empty where no rows were asked
    /// for.
    pub body: String,
    /// How many rows were found or written.
    pub rows: u64,
    /// How many rows match, also outside the window; `None` unless they were counted.
    pub total: Option<u64>,
    /// How many of the written rows are new; only an insert has any.
    pub inserted: u64,
    /// The transaction of a write whose rows leave pending entries.
    pub transaction: Option<i64>,
    /// Whether it is of a function that has no result.
    pub is_void: bool,
    /// What functions and triggers said of the answer.
    pub said: Said,
    /// The key of a single new row, as columns and texts; empty unless it was asked for.
    pub location: Vec<(String, String)>,
}

/// What functions and triggers said of the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The setting `response.headers`: a JSON array of objects, each with one header.
    pub headers: Option<String>,
    /// The setting `response.status`.
    pub status: Option<String>,
}
