use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use turnout_postgrest::Refusal;
use turnout_vocabulary::Outcome;

/// A reference to a value of the answer to an earlier operation: `{"$ref": "0.rows.0.id"}` or `{"$ref": "0.count"}`.
pub(super) struct Reference {
    text: String,
    operation: usize,
    /// The row and the column. `None` refers to the number of rows.
    cell: Option<(usize, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'b> {
    #[serde(rename = "$ref", borrow)]
    text: Cow<'b, str>,
}

impl Reference {
    /// The reference in a value, if the value is one.
    pub(super) fn read(value: &RawValue) -> Option<Result<Self, Refusal>> {
        let Written { text } = serde_json::from_str(value.get()).ok()?;
        let understood = Self::parse(&text).ok_or_else(|| {
            Refusal::invalid_transaction(format!(
                "{text:?} is not a reference; write it as \"0.rows.0.id\" or \"0.count\"."
            ))
        });
        Some(understood)
    }

    fn parse(text: &str) -> Option<Self> {
        let (operation, rest) = text.split_once('.')?;
        let cell = match rest.strip_prefix("rows.") {
            Some(cell) => {
                let (row, column) = cell.split_once('.')?;
                Some((row.parse().ok()?, column.to_owned()))
            }
            None if rest == "count" => None,
            None => return None,
        };
        Some(Self {
            text: text.to_owned(),
            operation: operation.parse().ok()?,
            cell,
        })
    }

    /// Refuses a reference that names none of the `earlier` operations, or a row of an operation that returns no rows.
    pub(super) fn check(&self, earlier: usize, returns_rows: impl Fn(usize) -> bool) -> Result<(), Refusal> {
        if self.operation >= earlier {
            let details = format!("{:?} does not refer to an earlier operation.", self.text);
            return Err(Refusal::invalid_transaction(details));
        }
        if self.cell.is_some() && !returns_rows(self.operation) {
            let details = format!("{:?} refers to a row of an operation that returns no rows.", self.text);
            return Err(Refusal::invalid_transaction(details));
        }
        Ok(())
    }

    /// The value itself, or the value that it refers to if it is a reference.
    pub(super) fn resolved(value: &RawValue, answers: &[Outcome]) -> Result<Box<RawValue>, Refusal> {
        match Self::read(value) {
            None => Ok(value.to_owned()),
            Some(reference) => {
                let reference = reference?;
                reference
                    .find(answers)
                    .ok_or_else(|| Refusal::dangling_reference(format!("{:?} has no value.", reference.text)))
            }
        }
    }

    fn find(&self, answers: &[Outcome]) -> Option<Box<RawValue>> {
        let Outcome { body, rows, .. } = answers.get(self.operation)?;
        let Some((row, column)) = &self.cell else {
            return to_raw_value(rows).ok();
        };
        let found: Vec<BTreeMap<String, &RawValue>> = serde_json::from_str(body).ok()?;
        found.get(*row)?.get(column).map(|value| (*value).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn a_reference_stands_for_a_value_exactly_as_the_database_wrote_it() {
        let answers = [Outcome {
            body: r#"[{"id":12345678901234567890.10,"a.b":null}]"#.into(),
            rows: 1,
            ..Outcome::default()
        }];
        let resolved = |text| Reference::resolved(&value(text), &answers).map(|found| found.get().to_owned());
        assert_eq!(
            resolved(r#"{"$ref":"0.rows.0.id"}"#).unwrap(),
            "12345678901234567890.10"
        );
        assert_eq!(resolved(r#"{"$ref":"0.rows.0.a.b"}"#).unwrap(), "null");
        assert_eq!(resolved(r#"{"$ref": "0.count"}"#).unwrap(), "1");
        assert_eq!(
            resolved(r#"{"$ref":"0.rows.0.id","x":1}"#).unwrap(),
            r#"{"$ref":"0.rows.0.id","x":1}"#
        );
        assert_eq!(
            resolved(r#"{"$ref":"0.rows.1.id"}"#).unwrap_err().code(),
            "TURNOUT_REFERENCE"
        );
        assert_eq!(
            resolved(r#"{"$ref":"0.id"}"#).unwrap_err().code(),
            "TURNOUT_TRANSACTION"
        );
    }
}
