use super::{Field, Reference, Referred};

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
            Self::Compare(comparison) if comparison.field.column() == Some(column) => {
                match (comparison.operator, &comparison.operand) {
                    (Operator::Eq, Operand::Value(value)) => Some(vec![value]),
                    (Operator::In, Operand::List(values)) => Some(values.iter().map(String::as_str).collect()),
                    _ => None,
                }
            }
            Self::Any(_) | Self::Not(_) | Self::Compare(_) => None,
        }
    }

    /// The references that columns are compared with, each with its column. Values inside columns are compared with none.
    #[must_use]
    pub fn references(&self) -> Vec<(&str, &Reference)> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::references).collect(),
            Self::Not(part) => part.references(),
            Self::Compare(Comparison { field, operand, .. }) => match operand {
                Operand::Reference(reference) => vec![(&field.name, reference)],
                _ => vec![],
            },
        }
    }

    /// The same filter with values in place of references, as far as this knows them.
    #[must_use]
    pub fn resolved(&self, known: &impl Fn(&Reference) -> Option<Referred>) -> Self {
        let all = |parts: &[Self]| parts.iter().map(|part| part.resolved(known)).collect();
        match self {
            Self::All(parts) => Self::All(all(parts)),
            Self::Any(parts) => Self::Any(all(parts)),
            Self::Not(part) => Self::Not(Box::new(part.resolved(known))),
            Self::Compare(comparison) => {
                let mut comparison = comparison.clone();
                if let Operand::Reference(reference) = &comparison.operand
                    && let Some(Referred(value)) = known(reference)
                {
                    (comparison.operator, comparison.operand) = match value {
                        Some(text) => (Operator::Eq, Operand::Value(text)),
                        None => (Operator::Is, Operand::Is(IsValue::Null)),
                    };
                }
                Self::Compare(comparison)
            }
        }
    }
}

/// A column or a value inside it, an operator and what it is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What is compared.
    pub field: Field,
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
    /// Matches a regular expression.
    Match,
    /// Matches a regular expression in any case.
    Imatch,
    /// Equal to one of a list.
    In,
    /// Is null, or a truth value.
    Is,
    /// Not equal, where null counts as a value.
    IsDistinct,
    /// Holds all of a value: an array, a range or JSON.
    Contains,
    /// Is held by a value.
    ContainedIn,
    /// Has elements or points in common with a value.
    Overlaps,
    /// Of ranges: ends before the other begins.
    StrictlyLeft,
    /// Of ranges: begins after the other ends.
    StrictlyRight,
    /// Of ranges: does not reach beyond the other's end.
    NotRightOf,
    /// Of ranges: does not reach beyond the other's beginning.
    NotLeftOf,
    /// Of ranges: one begins where the other ends.
    Adjacent,
    /// Matches a text search.
    Search(SearchForm),
}

/// How the words of a text search are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchForm {
    /// With the operators of `to_tsquery`.
    Query,
    /// As plain words, all of which must be there.
    Plain,
    /// As words that must follow each other.
    Phrase,
    /// As people write them to search engines.
    Web,
}

/// How many of several values a comparison must hold for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// At least one.
    Any,
    /// All of them.
    All,
}

/// What a column is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// The text of one value.
    Value(String),
    /// The texts of several values.
    List(Vec<String>),
    /// Several values, as PostgreSQL writes an array of them. For operators from [`Operator::Eq`] to [`Operator::Imatch`], but for
    /// [`Operator::Neq`].
    Several(Quantifier, String),
    /// The words of [`Operator::Search`].
    Words {
        /// The configuration of the text search; `None` means the database's default.
        configuration: Option<String>,
        /// The words.
        text: String,
    },
    /// A value of [`Operator::Is`].
    Is(IsValue),
    /// A value of an earlier answer, for [`Operator::Eq`]. If it is null, the column must be null.
    Reference(Reference),
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
            field: "phone".into(),
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
    fn a_reference_gives_way_to_the_value_that_is_known() {
        let reference = |operation| Reference { operation, cell: None };
        let filter = |operation| {
            let operand = Operand::Reference(reference(operation));
            Filter::All(vec![Filter::Not(Box::new(phone(Operator::Eq, operand)))])
        };
        let known = |reference: &Reference| match reference.operation {
            0 => Some(Referred(Some("8".to_owned()))),
            1 => Some(Referred(None)),
            _ => None,
        };
        let not = |operator, operand| Filter::All(vec![Filter::Not(Box::new(phone(operator, operand)))]);
        assert_eq!(
            filter(0).resolved(&known),
            not(Operator::Eq, Operand::Value("8".into()))
        );
        assert_eq!(
            filter(1).resolved(&known),
            not(Operator::Is, Operand::Is(IsValue::Null))
        );
        assert_eq!(filter(2).resolved(&known), filter(2));
        assert_eq!(filter(2).references(), [("phone", &reference(2))]);
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
