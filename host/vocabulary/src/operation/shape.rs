use super::Field;

/// One column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The table's column, or a value inside it.
    pub field: Field,
    /// Its name in the answer, where that is another one than [`Field::answer_name`].
    pub alias: Option<String>,
    /// The type that it is cast to.
    pub cast: Option<String>,
    /// What is made of its values in all rows, which makes one row of those that are alike in everything else.
    pub aggregate: Option<Aggregate>,
}

/// One value made of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// How it is made.
    pub function: AggregateFunction,
    /// The type that it is cast to.
    pub cast: Option<String>,
}

/// How one value is made of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateFunction {
    /// The mean.
    Avg,
    /// How many there are that are not null. Of the column `*` how many rows there are.
    Count,
    /// The largest.
    Max,
    /// The least.
    Min,
    /// The sum.
    Sum,
}

impl AggregateFunction {
    /// Its name in requests and in PostgreSQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Count => "count",
            Self::Max => "max",
            Self::Min => "min",
            Self::Sum => "sum",
        }
    }
}

/// What the body of an answer is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyForm {
    /// JSON.
    #[default]
    Json,
    /// JSON in which objects lack their keys with null.
    JsonWithoutNulls,
    /// Lines of values between commas, after one line of their names.
    Csv,
    /// A collection of features of `GeoJSON`, one for each row. The database must have `PostGIS`.
    GeoJson,
}

/// How the rows that match are counted, also those outside the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// One by one.
    Exact,
    /// As PostgreSQL's planner estimates.
    Planned,
    /// One by one while they are few, and otherwise as the planner estimates.
    Estimated,
}

/// One term of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderBy {
    /// The embedded table whose field it is, by its name in the answer; `None` for the table's own.
    pub embed: Option<String>,
    /// What the rows are ordered by.
    pub field: Field,
    /// Whether larger values come first.
    pub descending: bool,
    /// Where nulls go. `None` leaves it to PostgreSQL, which counts nulls as larger than every value.
    pub nulls: Option<NullsOrder>,
}

/// Where an order puts nulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NullsOrder {
    /// Before every value.
    First,
    /// After every value.
    Last,
}

/// A part of the matching rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// How many rows are passed over.
    pub offset: u32,
    /// How many rows are wanted at most.
    pub limit: Option<u32>,
}
