use std::borrow::Cow;
use std::fmt::{self, Debug, Formatter};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

/// A list of subjects in settings. The user may spell a phone in any way: the host normalises it, and the policy has it as
/// [`Target::subject`](crate::Target::subject) does. Neither `Debug` nor a mistake in it shows a subject.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Subjects(Vec<String>);

impl IntoIterator for Subjects {
    type Item = String;
    type IntoIter = std::vec::IntoIter<String>;

    /// The subjects in the order written.
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<S: Into<String>> FromIterator<S> for Subjects {
    fn from_iter<I: IntoIterator<Item = S>>(subjects: I) -> Self {
        Self(subjects.into_iter().map(Into::into).collect())
    }
}

impl<'de> Deserialize<'de> for Subjects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Serde's own words for a wrong value would repeat the value, which may be a phone. A missing key fails here already.
        let value = Value::deserialize(deserializer)?;
        let subjects: Vec<String> =
            serde_json::from_value(value).map_err(|_| D::Error::custom("this is a list of phones, each in quotes"))?;
        // A text that the host did not normalise would equal no subject.
        if subjects.iter().any(|subject| !is_normalised(subject)) {
            return Err(D::Error::custom(
                "a phone here is not as the host normalises it; in a test write it in E.164 (+79686484488), and in settings keep lists of \
                 phones in tables and arrays of the schema, where the host finds them",
            ));
        }
        Ok(Self(subjects))
    }
}

/// Whether a text may be a subject: E.164, of at most 15 digits.
fn is_normalised(subject: &str) -> bool {
    let digits = subject.strip_prefix('+').unwrap_or_default();
    (1..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
}

impl JsonSchema for Subjects {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Subjects".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": { "type": "string", "format": "turnout-subject" } })
    }
}

impl Debug for Subjects {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} subjects", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Subjects;
    use crate::settings::read;

    #[derive(Debug, serde::Deserialize)]
    struct Settings {
        #[expect(dead_code, reason = "only what is wrong with it counts")]
        moved: Subjects,
    }

    #[test]
    fn a_phone_that_was_not_normalised_is_refused_without_it() {
        for phone in ["89686484488", "+7 968 648-44-88", "+", "+7968648448800000"] {
            let error = read::<Settings>(&format!("{{\"moved\": [\"+79686484488\", \"{phone}\"]}}")).unwrap_err();
            assert_eq!(error.pointer(), Some("/moved"));
            assert!(error.reason().starts_with("a phone here is not as the host"), "{error}");
        }
    }

    #[test]
    fn a_missing_list_is_reported_as_missing_and_a_wrong_one_without_its_phones() {
        let wrong = "/moved: this is a list of phones, each in quotes";
        for (json, said) in [
            ("{}", "missing field `moved`"),
            (r#"{"moved": "+79686484488"}"#, wrong),
            (r#"{"moved": [79686484488]}"#, wrong),
            (r#"{"moved": {"+79686484488": 1}}"#, wrong),
        ] {
            assert_eq!(read::<Settings>(json).unwrap_err().to_string(), said, "{json}");
        }
    }
}
