/// Which rows an operation touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Rows that match every part; with no part, every row.
    All(Vec<Filter>),
    /// Rows that match at least one part; with no part, none.
    Any(Vec<Filter>),
    /// Rows that do not match.
    Not(Box<Filter>),
    /// Rows whose column compares so.
    Compare(Comparison),
}

impl Default for Filter {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Filter {
    /// Whether the filter takes every row by its form alone: it compares nothing.
    #[must_use]
    pub fn takes_every_row(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(Self::takes_every_row),
            Self::Any(parts) => parts.iter().any(Self::takes_every_row),
            Self::Not(_) | Self::Compare(_) => false,
        }
    }

    /// The values that the filter pins `column` to: those of an `eq` or `in` that every row must match. `None` if
    /// the filter pins it to nothing, so that rows of any value may match.
    pub fn pinned<'a>(&'a self, column: &str) -> Option<Vec<&'a str>> {
        match self {
            Self::All(parts) => parts.iter().find_map(|part| part.pinned(column)),
            Self::Compare(comparison) if comparison.column == column => {
                match (comparison.operator, &comparison.operand) {
                    (Operator::Eq, Operand::Value(value)) => Some(vec![value]),
                    (Operator::In, Operand::List(values)) => Some(values.iter().map(String::as_str).collect()),
                    _ => None,
                }
            }
            Self::Any(_) | Self::Not(_) | Self::Compare(_) => None,
        }
    }
}

/// A column, an operator and what the column is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The column's name.
    pub column: String,
    /// How it is compared.
    pub operator: Operator,
    /// What it is compared with, of the form that the operator takes.
    pub operand: Operand,
}

/// How a column is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Neq,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Matches a pattern of `%` and `_`.
    Like,
    /// Matches such a pattern in any case.
    Ilike,
    /// Equal to one of a list.
    In,
    /// Is null, or a truth value.
    Is,
}

/// What a column is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// The text of one value.
    Value(String),
    /// The texts of several values.
    List(Vec<String>),
    /// A value of [`Operator::Is`].
    Is(IsValue),
}

/// What [`Operator::Is`] asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsValue {
    /// Null.
    Null,
    /// Not null.
    NotNull,
    /// True.
    True,
    /// False.
    False,
    /// A truth value that is null.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(operator: Operator, operand: Operand) -> Filter {
        Filter::Compare(Comparison {
            column: "phone".into(),
            operator,
            operand,
        })
    }

    #[test]
    fn a_filter_without_a_comparison_takes_every_row() {
        let every = Filter::default();
        assert!(every.takes_every_row());
        assert!(Filter::All(vec![every.clone(), Filter::Any(vec![every.clone()])]).takes_every_row());
        assert!(!Filter::Any(vec![]).takes_every_row());
        assert!(!Filter::All(vec![every, phone(Operator::Is, Operand::Is(IsValue::Null))]).takes_every_row());
    }

    #[test]
    fn only_what_every_row_must_match_pins_a_column() {
        let eq = phone(Operator::Eq, Operand::Value("8".into()));
        let list = phone(Operator::In, Operand::List(vec!["1".into(), "2".into()]));
        assert_eq!(Filter::All(vec![eq.clone()]).pinned("phone"), Some(vec!["8"]));
        assert_eq!(
            Filter::All(vec![Filter::All(vec![list])]).pinned("phone"),
            Some(vec!["1", "2"])
        );
        assert_eq!(Filter::All(vec![eq.clone()]).pinned("name"), None);
        assert_eq!(Filter::Any(vec![eq.clone()]).pinned("phone"), None);
        assert_eq!(Filter::Not(Box::new(eq)).pinned("phone"), None);
        assert_eq!(phone(Operator::Like, Operand::Value("8%".into())).pinned("phone"), None);
    }
}
