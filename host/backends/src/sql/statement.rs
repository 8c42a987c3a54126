use std::fmt::Write as _;

/// One SQL statement and the values of its parameters.
#[derive(Debug, Default)]
pub(crate) struct Statement<'a> {
    pub(crate) text: String,
    pub(crate) parameters: Vec<Parameter<'a>>,
}

/// The value of one parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parameter<'a> {
    /// A text, which the statement casts to the type it needs.
    Text(&'a str),
    /// An array of texts.
    List(&'a [String]),
    /// An array of bytes.
    Bytes(&'a [&'a [u8]]),
    /// A whole number.
    Number(i64),
}

/// Shows no value: it is personal data.
impl std::fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(…)",
            Self::List(_) => "List(…)",
            Self::Bytes(_) => "Bytes(…)",
            Self::Number(_) => "Number(…)",
        })
    }
}

impl<'a> Statement<'a> {
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
pub(crate) fn quoted(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    push_quoted(&mut text, name);
    text
}

/// A text as a literal.
pub(crate) fn quoted_text(text: &str) -> String {
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
    use super::quoted;

    #[test]
    fn a_quote_inside_an_identifier_is_doubled() {
        assert_eq!(quoted("plain"), r#""plain""#);
        assert_eq!(quoted(r#"a"b""#), r#""a""b""""#);
        assert_eq!(quoted(r#"x"; drop table y; --"#), r#""x""; drop table y; --""#);
    }
}
