use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// What people write between the digits of a phone number.
const SIGNS: [char; 5] = [' ', '-', '(', ')', '\u{a0}'];

/// A list of prefixes of phone numbers, in settings: `"+7 968"`. Subjects of other kinds have none of these prefixes. The user may put spaces, hyphens and brackets into a prefix. A prefix begins with
/// `+` and the code of its country, as subjects do: without that, `8 968` could mean anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefixes(Vec<String>);

impl Prefixes {
    /// Whether a subject begins with one of the prefixes.
    #[must_use]
    pub fn have(&self, subject: &str) -> bool {
        self.iter().any(|prefix| subject.starts_with(prefix))
    }

    /// The prefixes as subjects have them, in the order written: `+7968`.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<S: Into<String>> FromIterator<S> for Prefixes {
    /// Prefixes as subjects have them: `+7968`.
    fn from_iter<I: IntoIterator<Item = S>>(prefixes: I) -> Self {
        Self(prefixes.into_iter().map(Into::into).collect())
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
    let digits = phone_digits(written)?;
    let is_international = written.trim_start_matches(SIGNS).starts_with('+') && !digits.starts_with('0');
    is_international.then(|| format!("+{digits}"))
}

/// The digits of a phone number, or of its beginning, as people write it: with spaces, hyphens, brackets, and `+` before the first digit.
/// `None` if there is anything else in the text, or no digit. A policy knows no numbering plan: `8 968` and `+7 968` are different digits.
#[must_use]
pub fn phone_digits(written: &str) -> Option<String> {
    let phone: String = written.chars().filter(|sign| !SIGNS.contains(sign)).collect();
    let digits = phone.strip_prefix('+').unwrap_or(&phone);
    let plausible = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    plausible.then(|| digits.to_owned())
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
    use super::{Prefixes, phone_digits};

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

    #[test]
    fn digits_are_read_whatever_stands_between_them() {
        for written in ["89990012345", "8 (999) 001-23-45", "+8 999\u{a0}0012345"] {
            assert_eq!(phone_digits(written).as_deref(), Some("89990012345"), "{written}");
        }
        for wrong in ["", "+", "8 999 x", "8+999", "８９９９", "8.999"] {
            assert_eq!(phone_digits(wrong), None, "{wrong}");
        }
    }
}
