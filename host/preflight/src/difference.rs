use turnout_vocabulary::{Backend, PerBackend};

/// Something that both sides have otherwise, or that one side alone has.
#[derive(Clone, Debug)]
pub struct Difference {
    /// What it is.
    pub kind: Kind,
    /// The table with its schema, if it belongs to one.
    pub table: Option<String>,
    /// Its name.
    pub object: String,
    /// How each side has it; `None` where it is missing.
    pub definitions: PerBackend<Option<String>>,
    /// The statements that make each side like the other, in order.
    pub mends: PerBackend<Vec<String>>,
    /// What one side asks of its rows and the other does not.
    pub rule: Option<Rule>,
}

/// What differs. In this order things can be made: each after what it may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A role that tables or policies name.
    Role,
    /// An extension.
    Extension,
    /// An enum.
    Enum,
    /// A table.
    Table,
    /// A column.
    Column,
    /// The type of a column.
    Type,
    /// The collation of a column.
    Collation,
    /// The expression that computes a column.
    Generated,
    /// Whether a column is an identity.
    Identity,
    /// The default of a column.
    Default,
    /// Whether a column can be null.
    NotNull,
    /// A primary key, a unique constraint or a unique index.
    Unique,
    /// A check.
    Check,
    /// An exclusion constraint.
    Exclusion,
    /// A foreign key.
    ForeignKey,
    /// An index that is not unique.
    Index,
    /// A function.
    Function,
    /// A view.
    View,
    /// A trigger.
    Trigger,
    /// Whether row-level security is on.
    RowSecurity,
    /// A policy of row-level security.
    Policy,
    /// What a role may do with a table.
    Grant,
}

/// What one side asks of its rows.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The side that asks it. The other has rows that may break it.
    pub asked_by: Backend,
    /// What is asked.
    pub asks: Asks,
}

/// What can be asked of rows.
#[derive(Clone, Debug)]
pub enum Asks {
    /// No two rows have the same values of these expressions.
    Unique {
        /// The expressions.
        expressions: Vec<String>,
        /// The rows that are meant; `None` for all.
        predicate: Option<String>,
        /// Whether nulls are the same value.
        nulls_not_distinct: bool,
    },
    /// The column is not null.
    NotNull(String),
    /// The condition is not false.
    Check(String),
    /// A row of the other table has these values.
    Reference {
        /// The columns.
        columns: Vec<String>,
        /// The other table, as SQL names it.
        target: String,
        /// The columns there.
        target_columns: Vec<String>,
    },
}

impl Kind {
    /// Its name for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Extension => "extension",
            Self::Enum => "enum",
            Self::Table => "table",
            Self::Column => "column",
            Self::Type => "type",
            Self::Collation => "collation",
            Self::Generated => "generated",
            Self::Identity => "identity",
            Self::Default => "default",
            Self::NotNull => "not_null",
            Self::Unique => "unique",
            Self::Check => "check",
            Self::Exclusion => "exclusion",
            Self::ForeignKey => "foreign_key",
            Self::Index => "index",
            Self::Function => "function",
            Self::View => "view",
            Self::Trigger => "trigger",
            Self::RowSecurity => "row_security",
            Self::Policy => "policy",
            Self::Grant => "grant",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Type => "the type of column",
            Self::Collation => "the collation of column",
            Self::Generated => "the expression of column",
            Self::Identity => "the identity of column",
            Self::Default => "the default of column",
            Self::NotNull => "the nullability of column",
            Self::Unique => "the unique constraint or index",
            Self::Exclusion => "exclusion constraint",
            Self::ForeignKey => "foreign key",
            Self::RowSecurity => "row-level security",
            Self::Grant => "the privileges of role",
            Self::Role
            | Self::Extension
            | Self::Enum
            | Self::Table
            | Self::Column
            | Self::Check
            | Self::Index
            | Self::Function
            | Self::View
            | Self::Trigger
            | Self::Policy => self.as_str(),
        }
    }
}

impl Difference {
    /// The side that alone has it, if only one has.
    #[must_use]
    pub fn only_on(&self) -> Option<Backend> {
        match (&self.definitions.old, &self.definitions.new) {
            (Some(_), None) => Some(Backend::Old),
            (None, Some(_)) => Some(Backend::New),
            _ => None,
        }
    }

    /// What differs, with both definitions.
    #[must_use]
    pub fn in_words(&self) -> String {
        let (kind, object) = (self.kind.in_words(), &self.object);
        match (self.only_on(), &self.definitions) {
            (Some(has), definitions) => {
                let definition = definitions[has].as_deref().unwrap_or_default();
                format!("{kind} {object} is on {has} only: {definition}")
            }
            (None, PerBackend { old, new }) => {
                let of = |definition: &Option<String>| definition.clone().unwrap_or_else(|| "none".to_owned());
                format!("{kind} {object} differs: {} on old, {} on new", of(old), of(new))
            }
        }
    }
}
