use crate::error::Refusal;

const NAME: &str = "field name (* or [a..z0..9_$])";

/// A place in a text that is being read from left to right.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, rest: text }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    pub(super) fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    /// Passes over `token` if it comes next.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        let after = self.rest.strip_prefix(token);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    pub(super) fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    pub(super) fn expect(&mut self, token: &str, name: &str) -> Result<(), Fault> {
        if self.eat(token) {
            Ok(())
        } else {
            Err(self.unexpected(name))
        }
    }

    /// Whether a name begins here.
    pub(super) fn at_name(&self) -> bool {
        self.peek().is_some_and(|next| next == '"' || is_name_char(next))
    }

    /// A name: in double quotes, or made of letters, digits, `_`, `$`, inner spaces and dashes.
    pub(super) fn name(&mut self) -> Result<String, Fault> {
        if self.peek() == Some('"') {
            return self.quoted();
        }
        let mut name = String::new();
        loop {
            let part = self.clone().take_while(is_name_char).trim();
            if part.is_empty() {
                return Err(self.unexpected(NAME));
            }
            self.take_while(is_name_char);
            name.push_str(part);
            if self.rest.starts_with("->") || !self.eat("-") {
                return Ok(name);
            }
            name.push('-');
        }
    }

    /// The type of a cast.
    pub(super) fn cast(&mut self) -> Result<String, Fault> {
        let name = self.take_while(is_name_char).trim();
        if name.is_empty() {
            Err(self.unexpected("letter or digit"))
        } else {
            Ok(name.to_owned())
        }
    }

    /// A text in double quotes. A backslash makes the character after it a plain one.
    fn quoted(&mut self) -> Result<String, Fault> {
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.extend(self.next()),
                Some(c) => text.push(c),
                None => return Err(self.unexpected(r#""\"""#)),
            }
        }
    }

    /// One element of a list in parentheses: a quoted text, or the text before the next `,` or `)`.
    pub(super) fn element(&mut self) -> String {
        let mut ahead = self.clone();
        if ahead.peek() == Some('"')
            && let Ok(text) = ahead.quoted()
            && matches!(ahead.peek(), None | Some(',' | ')'))
        {
            *self = ahead;
            return text;
        }
        self.take_while(|c| c != ',' && c != ')').to_owned()
    }

    /// The error for an unexpected character at the cursor.
    pub(super) fn unexpected(&self, expecting: &str) -> Fault {
        let found = self.peek().map_or("end of input".to_owned(), |c| format!("\"{c}\""));
        self.fault(&found, expecting)
    }

    /// The error for an unexpected character where a term should have ended, in PostgREST's words for this case.
    pub(super) fn unended(&self, expecting: &str) -> Fault {
        let found = self.peek().map_or("end of input".to_owned(), |c| format!("'{c}'"));
        self.fault(&found, expecting)
    }

    fn fault(&self, found: &str, expecting: &str) -> Fault {
        let before = &self.text[..self.text.len() - self.rest.len()];
        Fault {
            column: before.chars().count() + 1,
            details: format!("unexpected {found} expecting {expecting}"),
        }
    }
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ' ' | '$')
}

/// How a text breaks the grammar.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The place of the offending character, counted from one.
    pub(super) column: usize,
    /// What was found and what was expected.
    pub(super) details: String,
}

impl Fault {
    /// The refusal of the whole `text`. `what` names the kind of text; `shift` is added to the column.
    pub(super) fn refuse(self, what: &str, text: &str, shift: usize) -> Refusal {
        Refusal::parse_error(what, text, self.column + shift, self.details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_have_spaces_and_dashes_or_be_quoted() {
        for (text, name, rest) in [
            ("id.eq", "id", ".eq"),
            (" field with spaces ", "field with spaces", ""),
            ("with-dashes->x", "with-dashes", "->x"),
            (r#"" a.\"b\" "::text"#, r#" a."b" "#, "::text"),
            ("имя,x", "имя", ",x"),
        ] {
            let mut cursor = Cursor::new(text);
            assert_eq!(cursor.name().unwrap(), name);
            assert_eq!(cursor.rest(), rest);
        }
        for text in ["", ":", " ", "-", "a-", "\"open", "\"\\"] {
            assert!(Cursor::new(text).name().is_err(), "{text}");
        }
    }

    #[test]
    fn a_fault_names_the_place_and_what_was_expected() {
        let mut cursor = Cursor::new("имя:x");
        cursor.name().unwrap();
        let expected = Fault {
            column: 4,
            details: r#"unexpected ":" expecting delimiter (.)"#.into(),
        };
        assert_eq!(cursor.unexpected("delimiter (.)"), expected);
    }
}
