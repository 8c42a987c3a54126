//! References to values of earlier answers, as callers write them: `{"$ref": "0.rows.0.id"}` or `{"$ref": "0.count"}`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use turnout_postgrest::Refusal;
use turnout_vocabulary::Reference;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'b> {
    #[serde(rename = "$ref", borrow)]
    text: Cow<'b, str>,
}

/// The reference in a value, if the value is one.
pub(super) fn read(value: &RawValue) -> Option<Result<Reference, Refusal>> {
    let Written { text } = serde_json::from_str(value.get()).ok()?;
    let understood = parse(&text).ok_or_else(|| {
        Refusal::invalid_transaction(format!(
            "{text:?} is not a reference; write it as \"0.rows.0.id\" or \"0.count\"."
        ))
    });
    Some(understood)
}

fn parse(text: &str) -> Option<Reference> {
    let (operation, rest) = text.split_once('.')?;
    let cell = match rest.strip_prefix("rows.") {
        Some(cell) => {
            let (row, column) = cell.split_once('.')?;
            Some((row.parse().ok()?, column.to_owned()))
        }
        None if rest == "count" => None,
        None => return None,
    };
    Some(Reference {
        operation: operation.parse().ok()?,
        cell,
    })
}

/// Refuses a reference that names none of the `earlier` operations, or a row of an operation that returns no rows.
pub(super) fn check(
    reference: &Reference,
    earlier: usize,
    returns_rows: impl Fn(usize) -> bool,
) -> Result<(), Refusal> {
    let text = reference.to_string();
    if reference.operation >= earlier {
        let details = format!("{text:?} does not refer to an earlier operation.");
        return Err(Refusal::invalid_transaction(details));
    }
    if reference.cell.is_some() && !returns_rows(reference.operation) {
        let details = format!("{text:?} refers to a row of an operation that returns no rows.");
        return Err(Refusal::invalid_transaction(details));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_an_object_with_one_key() {
        let read = |text: &str| {
            let value = RawValue::from_string(text.to_owned()).unwrap();
            read(&value).map(|read| read.map_or_else(|refusal| refusal.code().to_owned(), |of| of.to_string()))
        };
        for (text, expected) in [
            (r#"{"$ref":"0.rows.0.id"}"#, Some("0.rows.0.id")),
            (r#"{"$ref": "0.rows.10.a.b"}"#, Some("0.rows.10.a.b")),
            (r#"{"$ref":"2.count"}"#, Some("2.count")),
            (r#"{"$ref":"0.id"}"#, Some("TURNOUT_TRANSACTION")),
            (r#"{"$ref":"0.rows.0.id","x":1}"#, None),
            ("1", None),
        ] {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
    }
}
