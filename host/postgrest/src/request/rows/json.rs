use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::Refusal;

pub(super) const UNEQUAL_KEYS: &str = "All object keys must match";
const NO_JSON: &str = "Empty or invalid json";

/// How deep a body may be nested. PostgreSQL stores values of some 14,000 levels with its default `max_stack_depth`, and the mirror wraps
/// each row in more levels. The limit is far below what either can hold, also with a small `max_stack_depth`.
const DEEPEST: usize = 512;

/// One object of a body: its keys, and its values as the body spells them.
pub(super) struct Row<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl Row<'_> {
    pub(super) fn sorted_keys(&self) -> Vec<&str> {
        let mut keys: Vec<_> = self.0.iter().map(|(key, _)| key.as_ref()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.0.iter().any(|(key, _)| key == column)
    }

    /// The text that PostgreSQL will put into a text column: the content of a string, `None` for null and for a missing column, the JSON
    /// text of any other value. Of a repeated key the last value counts, as in PostgreSQL.
    pub(super) fn text_of(&self, column: &str) -> Result<Option<String>, Refusal> {
        let Some((_, value)) = self.0.iter().rfind(|(key, _)| key == column) else {
            return Ok(None);
        };
        match value.get() {
            "null" => Ok(None),
            text if text.starts_with('"') => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| Refusal::invalid_body(NO_JSON)),
            text => Ok(Some(text.to_owned())),
        }
    }
}

/// The text of a body, without the white space around it.
pub(super) fn text(body: &[u8]) -> Result<&str, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| Refusal::invalid_body(NO_JSON))?;
    Ok(text.trim_matches([' ', '\t', '\n', '\r']))
}

/// The rows of a body: the elements of an array, or one object.
pub(super) fn rows(text: &str) -> Result<Vec<Row<'_>>, Refusal> {
    let rows = if text.starts_with('{') {
        serde_json::from_str(text).map(|row| vec![row])
    } else {
        serde_json::from_str(text)
    };
    let rows = rows.map_err(|error| Refusal::invalid_body(if error.is_data() { UNEQUAL_KEYS } else { NO_JSON }))?;
    check(text)?;
    Ok(rows)
}

/// Whether a body is JSON that PostgreSQL can read.
pub(super) fn check(text: &str) -> Result<(), Refusal> {
    serde_json::from_str::<&RawValue>(text).map_err(|_| Refusal::invalid_body(NO_JSON))?;
    if has_nul(text) {
        return Err(Refusal::nul_in_body());
    }
    if depth(text) > DEEPEST {
        return Err(Refusal::nested_too_deep(DEEPEST));
    }
    Ok(())
}

/// How deep well-formed JSON nests objects and arrays.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                while let Some(inside) = bytes.next() {
                    match inside {
                        b'"' => break,
                        b'\\' => drop(bytes.next()),
                        _ => {}
                    }
                }
            }
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Whether a string of well-formed JSON has U+0000, which JSON can only hold as an escape.
fn has_nul(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        if rest[at..].starts_with("\\u0000") {
            return true;
        }
        // The escaped character may be a backslash. It has one byte in any case.
        rest = &rest[at + 2..];
    }
    false
}

impl<'de> Deserialize<'de> for Row<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = Row<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((Key(key), value)) = map.next_entry()? {
            entries.push((key, value));
        }
        Ok(Row(entries))
    }
}

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u0000_is_found_only_where_it_is_one() {
        assert!(has_nul(r#"["a\u0000"]"#));
        assert!(has_nul(r#"["\\\u0000"]"#));
        assert!(!has_nul(r#"["\\u0000", "\n\\"]"#));
    }

    #[test]
    fn a_body_is_refused_once_it_is_nested_deeper_than_can_be_mirrored() {
        let nested = |levels: usize| {
            format!(
                r#"{{"id":"[{{\"[","data":{}{}}}"#,
                "[".repeat(levels - 1),
                "]".repeat(levels - 1)
            )
        };
        assert_eq!(depth(&nested(DEEPEST)), DEEPEST);
        assert!(rows(&nested(DEEPEST)).is_ok());
        for levels in [DEEPEST + 1, 100_000] {
            let refused = rows(&nested(levels)).err().unwrap();
            assert_eq!((refused.status().as_u16(), refused.code()), (400, "54001"));
        }
    }

    #[test]
    fn the_text_of_a_column_is_what_postgresql_reads() {
        for (json, text) in [
            (r#"{"phone":"8 \u0039 \"x\""}"#, Some(r#"8 9 "x""#)),
            (r#"{"ph\u006fne":89686484488}"#, Some("89686484488")),
            (r#"{"phone":1,"phone":2.50}"#, Some("2.50")),
            (r#"{"phone":null}"#, None),
            (r#"{"other":1}"#, None),
            (r#"{"phone":{"a": 1}}"#, Some(r#"{"a": 1}"#)),
        ] {
            assert_eq!(
                rows(json).unwrap()[0].text_of("phone").unwrap().as_deref(),
                text,
                "{json}"
            );
        }
    }
}
