//! Columns and the values inside them: `name`, `data->key->0->>"other key"`.

use turnout_vocabulary::{Field, JsonKey, JsonStep};

use super::cursor::{Cursor, Fault};

/// Reads a name and the way from it to a value inside it.
pub(super) fn parse(cursor: &mut Cursor) -> Result<Field, Fault> {
    Ok(Field {
        name: cursor.name()?,
        path: path(cursor)?,
    })
}

/// Reads the steps from a column to a value inside it, as far as there are any.
pub(super) fn path(cursor: &mut Cursor) -> Result<Vec<JsonStep>, Fault> {
    let mut steps = Vec::new();
    while cursor.eat("->") {
        let as_text = cursor.eat(">");
        let key = key(cursor)?;
        steps.push(JsonStep { key, as_text });
    }
    Ok(steps)
}

/// A number is a place in an array only where nothing but the next step or the end of the field follows it.
fn key(cursor: &mut Cursor) -> Result<JsonKey, Fault> {
    let mut ahead = cursor.clone();
    let from_end = ahead.eat("-");
    let digits = ahead.take_while(|c| c.is_ascii_digit());
    let ends = ahead.at_end()
        || ["->", "::", ".", ",", ")"]
            .iter()
            .any(|end| ahead.rest().starts_with(end));
    if !digits.is_empty() && ends {
        *cursor = ahead;
        // No array has so many elements that its places do not fit. PostgreSQL refuses the largest place itself.
        let place = digits.parse().unwrap_or(i64::MAX);
        return Ok(JsonKey::Index(if from_end { -place } else { place }));
    }
    if from_end {
        return Err(ahead.unexpected(if digits.is_empty() {
            "digit"
        } else {
            r#"digit, "->", "::", ".", "," or end of input"#
        }));
    }
    cursor.name().map(JsonKey::Name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Field, &str), Fault> {
        let mut cursor = Cursor::new(text);
        parse(&mut cursor).map(|field| (field, cursor.rest()))
    }

    fn steps(steps: &[(&str, bool)]) -> Vec<JsonStep> {
        let step = |&(key, as_text): &(&str, bool)| JsonStep {
            key: key.parse().map_or(JsonKey::Name(key.into()), JsonKey::Index),
            as_text,
        };
        steps.iter().map(step).collect()
    }

    #[test]
    fn a_path_has_keys_and_places() {
        for (text, path, rest) in [
            ("data", &[][..], ""),
            ("data->a->>b", &[("a", false), ("b", true)], ""),
            ("data->0->>-1", &[("0", false), ("-1", true)], ""),
            ("data->>0::int", &[("0", true)], "::int"),
            (
                "data->a-b->>\"c d->e\".desc",
                &[("a-b", false), ("c d->e", true)],
                ".desc",
            ),
            ("data->1a,x", &[("1a", false)], ",x"),
        ] {
            let field = Field {
                name: "data".into(),
                path: steps(path),
            };
            assert_eq!(read(text), Ok((field, rest)), "{text}");
        }
    }

    #[test]
    fn a_number_too_large_for_any_place_is_left_to_postgresql() {
        let (field, _) = read("data->99999999999999999999").unwrap();
        assert_eq!(field.path[0].key, JsonKey::Index(i64::MAX));
    }

    #[test]
    fn a_malformed_path_is_refused_as_postgrest_refuses_it() {
        for (text, column, details) in [
            (
                "data->>-78xy",
                11,
                r#"unexpected "x" expecting digit, "->", "::", ".", "," or end of input"#,
            ),
            ("data->>--34", 9, r#"unexpected "-" expecting digit"#),
            ("data->>-xy-4", 9, r#"unexpected "x" expecting digit"#),
        ] {
            let details = details.to_owned();
            assert_eq!(read(text), Err(Fault { column, details }), "{text}");
        }
        assert!(read("data->").is_err() && read("data->>").is_err() && read("data->->a").is_err());
    }
}
