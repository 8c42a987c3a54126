//! Rows as lines of values (`text/csv`) under a line with their names.

use std::collections::BTreeMap;

use csv::{ErrorKind, StringRecord};

use crate::error::Refusal;

/// The value that stands for null.
const NULL: &str = "NULL";

/// A JSON array of the rows, whose values are texts or null.
pub(super) fn to_json(body: &[u8]) -> Result<String, Refusal> {
    let mut reader = csv::Reader::from_reader(body);
    let names = reader.headers().map_err(|error| refused(&error))?.clone();
    if names.is_empty() {
        return Err(Refusal::invalid_body("Empty or invalid csv"));
    }
    let rows: Vec<StringRecord> = reader
        .records()
        .collect::<Result<_, _>>()
        .map_err(|error| refused(&error))?;
    let value = |text| (text != NULL).then_some(text);
    let rows: Vec<BTreeMap<&str, Option<&str>>> = rows
        .iter()
        .map(|row| names.iter().zip(row.iter().map(value)).collect())
        .collect();
    // Texts always have a JSON form.
    Ok(serde_json::to_string(&rows).unwrap_or_default())
}

fn refused(error: &csv::Error) -> Refusal {
    match error.kind() {
        ErrorKind::UnequalLengths { .. } => Refusal::invalid_body("All lines must have same number of fields"),
        ErrorKind::Utf8 { .. } => Refusal::body_not_utf8(),
        _ => Refusal::invalid_body("Empty or invalid csv"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::tests::body;

    fn read(text: &str) -> Result<String, String> {
        to_json(text.as_bytes()).map_err(body)
    }

    #[test]
    fn lines_become_objects_of_texts_and_nulls() {
        let text = "id,name,notes\r\n1,NULL,\r\n2,\"a, \"\"b\"\"\",\"two\nlines\"\n";
        assert_eq!(
            read(text).unwrap(),
            r#"[{"id":"1","name":null,"notes":""},{"id":"2","name":"a, \"b\"","notes":"two\nlines"}]"#
        );
        assert_eq!(read("id,name\n").unwrap(), "[]");
    }

    #[test]
    fn lines_that_are_none_are_refused() {
        assert_eq!(
            read("a,b\n1").unwrap_err(),
            r#"{"code":"PGRST102","details":null,"hint":null,"message":"All lines must have same number of fields"}"#
        );
        assert!(read("").unwrap_err().contains("Empty or invalid csv"));
        assert!(to_json(b"a\n\xff").is_err());
    }
}
