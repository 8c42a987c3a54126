use std::collections::BTreeMap;

use super::decimal::Decimal;

/// The most levels that are read: the stack of a policy is small.
const LEVELS: u32 = 32;

/// Whether two JSON texts say the same: the order of keys, white space and the spelling of numbers and strings do not count. Of a
/// key that is there twice the last value counts. What is no JSON or too deep is equal to nothing.
pub(super) fn are_equal(one: &str, other: &str) -> bool {
    matches!((canonical(one), canonical(other)), (Some(one), Some(other)) if one == other)
}

/// The one spelling of everything that says the same as a text. `None` if the text is no JSON, or too deep.
fn canonical(text: &str) -> Option<String> {
    let mut reader = Reader { rest: text };
    let mut canonical = String::with_capacity(text.len());
    reader.value(LEVELS, &mut canonical)?;
    reader.peek().is_none().then_some(canonical)
}

/// What is still to be read of a text.
struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    /// Reads white space. The byte after it.
    fn peek(&mut self) -> Option<u8> {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let spaces = self.rest.bytes().take_while(is_space).count();
        self.rest = &self.rest[spaces..];
        self.rest.bytes().next()
    }

    /// Reads one sign, if it comes next.
    fn takes(&mut self, sign: u8) -> bool {
        let comes = self.peek() == Some(sign);
        if comes {
            self.rest = &self.rest[1..];
        }
        comes
    }

    /// Reads a value, and adds its one spelling.
    fn value(&mut self, levels: u32, canonical: &mut String) -> Option<()> {
        match self.peek()? {
            b'{' => self.object(levels.checked_sub(1)?, canonical),
            b'[' => self.array(levels.checked_sub(1)?, canonical),
            b'"' => {
                add(canonical, &self.string()?);
                Some(())
            }
            _ => {
                let word = self.word();
                match Decimal::parse(word) {
                    Some(number) => number.write(canonical),
                    None if ["true", "false", "null"].contains(&word) => canonical.push_str(word),
                    None => return None,
                }
                Some(())
            }
        }
    }

    fn object(&mut self, levels: u32, canonical: &mut String) -> Option<()> {
        let mut members = BTreeMap::new();
        self.list(b'{', b'}', |reader| {
            let key = reader.string()?;
            let mut value = String::new();
            if !reader.takes(b':') {
                return None;
            }
            reader.value(levels, &mut value)?;
            members.insert(key, value);
            Some(())
        })?;
        canonical.push('{');
        for (key, value) in members {
            add(canonical, &key);
            canonical.push_str(&value);
        }
        canonical.push('}');
        Some(())
    }

    fn array(&mut self, levels: u32, canonical: &mut String) -> Option<()> {
        canonical.push('[');
        self.list(b'[', b']', |reader| {
            reader.value(levels, canonical)?;
            canonical.push(',');
            Some(())
        })?;
        canonical.push(']');
        Some(())
    }

    /// Reads what stands between two signs, with commas in between.
    fn list(&mut self, open: u8, close: u8, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if !self.takes(open) {
            return None;
        }
        if self.takes(close) {
            return Some(());
        }
        loop {
            element(self)?;
            if self.takes(close) {
                return Some(());
            }
            if !self.takes(b',') {
                return None;
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        if self.peek()? != b'"' {
            return None;
        }
        let mut bytes = self.rest.bytes().enumerate().skip(1);
        let end = loop {
            match bytes.next()? {
                (_, b'\\') => drop(bytes.next()?),
                (end, b'"') => break end + 1,
                _ => {}
            }
        };
        let (string, rest) = self.rest.split_at(end);
        self.rest = rest;
        serde_json::from_str(string).ok()
    }

    /// Reads a number or a word.
    fn word(&mut self) -> &'t str {
        let ends = |byte| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
        let end = self.rest.bytes().position(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }
}

/// Adds a string in such a way that nothing else is spelled so.
fn add(canonical: &mut String, string: &str) {
    canonical.push('"');
    canonical.push_str(&string.len().to_string());
    canonical.push(':');
    canonical.push_str(string);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_say_the_same_are_equal() {
        for (one, other) in [
            ("{}", " { } "),
            (r#"{"a":1,"b":{"c":[]}}"#, r#"{ "b" : { "c" : [ ] }, "a" : 1 }"#),
            ("[1, 2.50, 1e2]", "[1.0,2.5,100]"),
            (r#""\u0041\n\"""#, "\"A\\u000a\\\"\""),
            (r#"{"\u0061":null}"#, r#"{"a":null}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            ("[12345678901234567890.10]", "[12345678901234567890.1]"),
            ("true", "true "),
        ] {
            assert!(are_equal(one, other) && are_equal(other, one), "{one} {other}");
        }
    }

    #[test]
    fn texts_that_say_something_else_differ() {
        for (one, other) in [
            ("{}", "[]"),
            ("[1,2]", "[2,1]"),
            ("[1]", "[1,1]"),
            ("[1,2]", "[12]"),
            ("[[1],2]", "[[1,2]]"),
            (r#"{"a":1}"#, r#"{"a":1,"b":1}"#),
            (r#"{"a":1}"#, r#"{"b":1}"#),
            (r#"{"a":null}"#, "{}"),
            (r#"["a","b"]"#, r#"["a\",\"b"]"#),
            (r#"["a","b"]"#, r#"["a,\"1:b"]"#),
            (r#""1""#, "1"),
            (r#""a""#, r#""A""#),
            (r#"" a""#, r#""a""#),
            ("true", "false"),
            ("null", "0"),
            ("[12345678901234567890]", "[12345678901234567891]"),
        ] {
            assert!(!are_equal(one, other) && !are_equal(other, one), "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_json_is_equal_to_nothing() {
        for wrong in [
            "",
            "{",
            "}",
            "[1",
            "[1,]",
            "[1 2]",
            "{,}",
            "{a:1}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a" 1}"#,
            r#"""#,
            r#""\""#,
            r#""\x""#,
            "1 2",
            "nul",
            "é",
            "NaN",
        ] {
            assert!(!are_equal(wrong, wrong), "{wrong}");
        }
    }

    #[test]
    fn what_is_too_deep_is_equal_to_nothing() {
        let nested = |levels: usize, inner: &str| format!("{}{inner}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(are_equal(&nested(32, "1"), &nested(32, "1.0")));
        assert!(!are_equal(&nested(33, "1"), &nested(33, "1.0")));
        assert!(!are_equal(&nested(500_000, "1"), &nested(500_000, "1.0")));
    }
}
