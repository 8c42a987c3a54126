use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use turnout_vocabulary::{Explain, Reference, Rows};

use crate::schema::{Table, TableColumn};

/// One SQL statement and the values of its parameters.
#[derive(Debug, Default)]
pub(crate) struct Statement<'a> {
    pub(crate) text: String,
    pub(crate) parameters: Vec<Parameter<'a>>,
    /// By table, for each column whose type the text names, an expression that PostgreSQL accepts only while the column has that type.
    types: BTreeMap<String, BTreeSet<String>>,
    /// Whether what it does is taken back once it has answered.
    pub(crate) rollback: bool,
    /// Whether it has PostgreSQL refuse every change.
    pub(crate) read_only: bool,
    /// How long it may take at most, where that is less than the longest that any may.
    pub(crate) timeout: Option<Duration>,
    /// Whether its answer comes as rows of one column, the lines of one text.
    pub(crate) in_lines: bool,
}

/// The operator that the check of column types uses. PostgreSQL's error names it with its schema, as no other statement does.
const SAME_TYPE: &str = "pg_catalog.<@";

/// Whether PostgreSQL refused a statement with `42883` and this message because a column no longer has the type that the
/// statement names.
pub(crate) fn names_an_old_type(message: &str) -> bool {
    message.contains(SAME_TYPE)
}

/// The value of one parameter: a text, which the statement casts to the type it needs.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Parameter<'a> {
    /// This text.
    Text(Cow<'a, str>),
    /// The text of a value of an earlier answer, or null.
    Reference(&'a Reference),
    /// The JSON of rows, with values of earlier answers in it.
    Rows(&'a Rows),
}

impl<'a> Parameter<'a> {
    /// A text.
    pub(crate) fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// The JSON of rows.
    pub(crate) fn rows(rows: &'a Rows) -> Self {
        if rows.references.is_empty() {
            Self::text(&rows.json)
        } else {
            Self::Rows(rows)
        }
    }

    /// Texts, as PostgreSQL writes an array of them.
    pub(crate) fn list(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut array = String::from("{");
        for text in texts {
            if array.len() > 1 {
                array.push(',');
            }
            array.push('"');
            for character in text.as_ref().chars() {
                if matches!(character, '"' | '\\') {
                    array.push('\\');
                }
                array.push(character);
            }
            array.push('"');
        }
        array.push('}');
        Self::Text(Cow::Owned(array))
    }

    /// A whole number, or a truth as 0 or 1.
    pub(crate) fn number(number: impl Into<i64>) -> Self {
        Self::Text(Cow::Owned(number.into().to_string()))
    }

    /// A value as JSON. Texts and numbers always have such a form.
    pub(crate) fn json(value: &impl Serialize) -> Self {
        Self::Text(Cow::Owned(serde_json::to_string(value).unwrap_or_default()))
    }
}

/// Shows no value: it is personal data.
impl std::fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parameter(…)")
    }
}

impl<'a> Statement<'a> {
    /// A whole statement that names no column's type.
    pub(crate) fn new(text: &str, parameters: &[Parameter<'a>]) -> Self {
        Self {
            text: text.to_owned(),
            parameters: parameters.to_vec(),
            ..Self::default()
        }
    }

    /// Writes SQL as it stands.
    pub(crate) fn sql(&mut self, sql: &str) -> &mut Self {
        self.text.push_str(sql);
        self
    }

    /// Writes a quoted identifier.
    pub(crate) fn identifier(&mut self, name: &str) -> &mut Self {
        push_quoted(&mut self.text, name);
        self
    }

    /// Writes a parameter's number and keeps its value.
    pub(crate) fn parameter(&mut self, value: Parameter<'a>) -> &mut Self {
        self.parameters.push(value);
        // Writing to a string can't fail.
        let _ = write!(self.text, "${}", self.parameters.len());
        self
    }

    /// Writes the type of a column of the table that is called `alias` here, and makes the statement fail if the column has another
    /// type by the time the statement runs.
    pub(super) fn type_of(&mut self, alias: &str, table: &Table, column: &TableColumn) -> &mut Self {
        self.expect_type(alias, table, column);
        self.sql(&column.type_name)
    }

    /// The same for the type that the values of filters are cast to.
    pub(super) fn compared_type_of(&mut self, alias: &str, table: &Table, column: &TableColumn) -> &mut Self {
        self.expect_type(alias, table, column);
        self.sql(&column.compared_type)
    }

    fn expect_type(&mut self, alias: &str, table: &Table, TableColumn { name, type_name, .. }: &TableColumn) {
        let of_table = self.types.entry(format!("{} as {alias}", table.qualified)).or_default();
        let name = quoted(name);
        of_table.insert(format!(
            "array[{alias}.{name}] operator({SAME_TYPE}) array[null::{type_name}]"
        ));
    }

    /// Puts the check of the column types in front of the rest, so that PostgreSQL refuses the statement for an old type before
    /// it reads a value. PostgreSQL resolves the operator while it holds the tables' locks, and never runs the check: no part
    /// of the statement reads `_turnout_types`. So a prepared statement pays nothing for it.
    pub(super) fn check_types(&mut self) {
        if self.types.is_empty() {
            return;
        }
        let tables = self.types.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let checks = self.types.values().flatten().map(String::as_str).collect::<Vec<_>>();
        let checks = checks.join(" and ");
        let (between, rest) = match self.text.strip_prefix("with ") {
            Some(rest) => (", ", rest),
            None => (" ", self.text.as_str()),
        };
        self.text = format!("with _turnout_types as (select from {tables} where {checks}){between}{rest}");
    }

    /// The statement that tells PostgreSQL's plan for this one.
    pub(crate) fn explained(self, explain: &Explain) -> Self {
        let format = if explain.json { "format json" } else { "format text" };
        let options = explain.options.iter().map(|option| option.as_str());
        let options: Vec<_> = options.chain([format]).collect();
        Self {
            text: format!("explain ({}) {}", options.join(", "), self.text),
            in_lines: true,
            ..self
        }
    }

    /// Writes each item with a comma between.
    pub(crate) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        for (place, item) in items.into_iter().enumerate() {
            if place > 0 {
                self.sql(", ");
            }
            write(self, item);
        }
        self
    }
}

/// A name as a quoted identifier.
#[must_use]
pub fn quoted(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    push_quoted(&mut text, name);
    text
}

/// A text as a literal.
#[must_use]
pub fn quoted_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn push_quoted(text: &mut String, name: &str) {
    text.push('"');
    for part in name.split_inclusive('"') {
        text.push_str(part);
        if part.ends_with('"') {
            text.push('"');
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::{Parameter, quoted};

    #[test]
    fn a_list_is_an_array_literal_whatever_its_texts_hold() {
        let text = |text| Parameter::text(text);
        let list = Parameter::list(["", "a,b", "NULL", r#"\"{}"#]);
        assert!(list == text(r#"{"","a,b","NULL","\\\"{}"}"#));
        assert!(Parameter::list(<[&str; 0]>::default()) == text("{}"));
    }

    #[test]
    fn a_quote_inside_an_identifier_is_doubled() {
        assert_eq!(quoted("plain"), r#""plain""#);
        assert_eq!(quoted(r#"a"b""#), r#""a""b""""#);
        assert_eq!(quoted(r#"x"; drop table y; --"#), r#""x""; drop table y; --""#);
    }
}
