use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// A list of prefixes of phone numbers, in settings: `"+7 968"`. Subjects of other kinds have none of these prefixes. The user may put spaces, hyphens and brackets into a prefix. A prefix begins with
/// `+` and the code of its country, as subjects do: without that, `8 968` could mean anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefixes(Vec<String>);

impl Prefixes {
    /// Whether a subject begins with one of the prefixes.
    #[must_use]
    pub fn have(&self, subject: &str) -> bool {
        self.0.iter().any(|prefix| subject.starts_with(prefix.as_str()))
    }
}

impl<'de> Deserialize<'de> for Prefixes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Vec::<String>::deserialize(deserializer)?;
        let normalised = written.iter().map(|prefix| normalised(prefix));
        normalised.collect::<Option<_>>().map(Self).ok_or_else(|| {
            D::Error::custom("what phones begin with is written as \"+7 968\": `+`, the code of the country, and more digits if wanted")
        })
    }
}

/// A prefix as subjects have it; `None` if the text is no prefix.
fn normalised(written: &str) -> Option<String> {
    let prefix: String = written.chars().filter(|sign| !" -()\u{a0}".contains(*sign)).collect();
    let digits = prefix.strip_prefix('+')?;
    let plausible =
        !digits.is_empty() && !digits.starts_with('0') && digits.bytes().all(|digit| digit.is_ascii_digit());
    plausible.then_some(prefix)
}

impl JsonSchema for Prefixes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Prefixes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": { "type": "string", "pattern": "^ *\\+" } })
    }
}

#[cfg(test)]
mod tests {
    use super::Prefixes;

    fn prefixes(json: &str) -> Result<Prefixes, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn any_spelling_with_the_code_of_the_country_finds_its_subjects() {
        for spelling in ["+7968", "+7 968", "+7 (968)", " +7-968"] {
            let prefixes = prefixes(&format!("[\"+49\", \"{spelling}\"]")).unwrap();
            assert!(
                prefixes.have("+79686484488") && prefixes.have("+4930901820"),
                "{spelling}"
            );
            assert!(
                !prefixes.have("+79990000000") && !prefixes.have("+17968000000"),
                "{spelling}"
            );
        }
    }

    #[test]
    fn what_could_match_nobody_or_everybody_is_refused() {
        for wrong in ["8 968", "7968", "+", "", "+0", "+7 9x"] {
            let error = prefixes(&format!("[\"{wrong}\"]")).unwrap_err();
            assert!(
                error.to_string().contains("is written as \"+7 968\""),
                "{wrong}: {error}"
            );
        }
    }
}
