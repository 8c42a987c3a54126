use super::TableColumn;

/// One function of an exposed schema that a request may call or that computes something of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its schema.
    pub schema: String,
    /// Its name, without the schema.
    pub name: String,
    /// Its quoted name with the schema, as SQL has it.
    pub(crate) qualified: String,
    /// What it takes, in order.
    pub arguments: Vec<Argument>,
    /// What it answers with.
    pub result: Returned,
    /// Whether it may change rows.
    pub volatility: Volatility,
}

/// Something that a function takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name; empty if it has none.
    pub name: String,
    /// Its type as SQL writes it.
    pub type_name: String,
    /// The table whose rows it takes, by its place in the schema, if it takes rows of one that is exposed.
    pub row_of: Option<usize>,
    /// Whether it takes any number of values, as an array.
    pub variadic: bool,
    /// Whether it has a default.
    pub optional: bool,
}

/// What a function answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// Its type as SQL writes it.
    pub type_name: String,
    /// Whether it answers with any number of values.
    pub set: bool,
    /// Whether it answers with one value at most.
    pub one_row: bool,
    /// What each value is.
    pub shape: Shaped,
}

/// What each value of a function's answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shaped {
    /// Nothing.
    Void,
    /// A value that has no columns that are known.
    Scalar,
    /// A row of an exposed table, by its place in the schema.
    Row(usize),
    /// A row of these columns.
    Columns(Vec<TableColumn>),
}

/// Whether a function may change rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volatility {
    /// It only reads its arguments.
    Immutable,
    /// It only reads.
    Stable,
    /// It may change rows.
    Volatile,
}

impl Function {
    /// The table of whose rows it computes something, by its place in the schema: it takes one row and nothing else.
    pub(crate) fn computes_of(&self) -> Option<usize> {
        match &self.arguments[..] {
            [only] => only.row_of,
            _ => None,
        }
    }

    /// The table whose rows it answers with, by its place in the schema.
    pub(crate) fn rows_of(&self) -> Option<usize> {
        match self.result.shape {
            Shaped::Row(table) => Some(table),
            Shaped::Void | Shaped::Scalar | Shaped::Columns(_) => None,
        }
    }
}
