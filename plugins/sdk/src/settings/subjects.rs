use std::borrow::Cow;
use std::fmt::{self, Debug, Formatter};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

/// A list of subjects in settings: phone numbers, email addresses, UUIDs or texts, as the host is configured. The user may spell one in
/// any way: the host normalises it, and the policy has it as [`Target::subject`](crate::Target::subject) does. In a native test, where no
/// host does, write it in its one spelling. Neither `Debug` nor a mistake in it shows a subject.
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
        // Serde's own words for a wrong value would repeat the value, which may be a subject. A missing key fails here already.
        let value = Value::deserialize(deserializer)?;
        let subjects: Vec<String> = serde_json::from_value(value)
            .map_err(|_| D::Error::custom("this is a list of subjects, each in quotes"))?;
        Ok(Self(subjects))
    }
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
        moved: Subjects,
    }

    #[test]
    fn subjects_of_every_kind_are_taken_as_they_are() {
        let listed = [
            "+79686484488",
            "anna@example.com",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            " Client 7",
        ];
        let settings = read::<Settings>(&serde_json::json!({ "moved": listed }).to_string()).unwrap();
        assert!(settings.moved.into_iter().eq(listed));
    }

    #[test]
    fn a_missing_list_is_reported_as_missing_and_a_wrong_one_without_its_subjects() {
        let wrong = "/moved: this is a list of subjects, each in quotes";
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
