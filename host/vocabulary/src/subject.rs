use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use phonenumber::{Mode, country};
use quick_cache::sync::Cache;

/// Whose data an operation touches: a phone number in E.164 (`+79686484488`).
///
/// Only [`SubjectRule::normalise`] makes one. It is personal data: `Debug` hides it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Subject(Arc<str>);

impl Subject {
    /// The number itself, for policies and SQL; never for a log.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the numbering plan of its country has such numbers. One that a person wrote by hand may lack a digit.
    #[must_use]
    pub fn is_in_numbering_plan(&self) -> bool {
        phonenumber::parse(None, &*self.0).is_ok_and(|number| number.is_valid())
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject(…)")
    }
}

/// A text that is no phone number. The text itself is not repeated: it may be personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a phone number")]
pub struct NotASubject;

/// How many texts a rule remembers: the same people come again, and reading a number costs microseconds.
const REMEMBERED: usize = 16_384;

/// How long a text may be and still be remembered. No spelling of a phone number is longer.
const REMEMBERED_LENGTH: usize = 32;

/// How subjects are normalised: the region whose numbers may be written without a country code. Clones share what they
/// remember.
#[derive(Clone)]
pub struct SubjectRule {
    region: country::Id,
    remembered: Arc<Cache<Box<str>, Result<Subject, NotASubject>>>,
}

impl SubjectRule {
    /// A rule for an ISO 3166-1 alpha-2 region such as `RU`; `None` if there is no such region.
    #[must_use]
    pub fn for_region(region: &str) -> Option<Self> {
        let region = region.parse().ok()?;
        Some(Self {
            region,
            remembered: Arc::new(Cache::new(REMEMBERED)),
        })
    }

    /// The region: an ISO 3166-1 alpha-2 code.
    #[must_use]
    pub fn region(&self) -> &str {
        self.region.as_ref()
    }

    /// The one spelling of a phone number, whatever spelling it came in.
    ///
    /// # Errors
    /// [`NotASubject`] if the text is no phone number.
    pub fn normalise(&self, text: &str) -> Result<Subject, NotASubject> {
        if let Some(remembered) = self.remembered.get(text) {
            return remembered;
        }
        let subject = self.read(text);
        if text.len() <= REMEMBERED_LENGTH {
            self.remembered.insert(text.into(), subject.clone());
        }
        subject
    }

    /// The subject that a text of a subject column names. Null, and a text that is no phone number, belong to nobody.
    #[must_use]
    pub fn subject_in(&self, text: Option<&str>) -> Option<Subject> {
        text.and_then(|text| self.normalise(text).ok())
    }

    /// The subjects that texts of a subject column name; `None` among them stands for nobody.
    pub fn subjects_in<'a>(&self, texts: impl IntoIterator<Item = Option<&'a str>>) -> HashSet<Option<Subject>> {
        texts.into_iter().map(|text| self.subject_in(text)).collect()
    }

    fn read(&self, text: &str) -> Result<Subject, NotASubject> {
        let text: String = text.trim().chars().map(ascii_digit).collect();
        let number = phonenumber::parse(Some(self.region), text).map_err(|_| NotASubject)?;
        Ok(Subject(number.format().mode(Mode::E164).to_string().into()))
    }
}

/// The zeros of the scripts whose digits people write numbers with, and of the full-width and the mathematical forms. The digits
/// one to nine follow each.
const ZEROS: [char; 25] = [
    '\u{660}',
    '\u{6f0}',
    '\u{7c0}',
    '\u{966}',
    '\u{9e6}',
    '\u{a66}',
    '\u{ae6}',
    '\u{b66}',
    '\u{be6}',
    '\u{c66}',
    '\u{ce6}',
    '\u{d66}',
    '\u{e50}',
    '\u{ed0}',
    '\u{f20}',
    '\u{1040}',
    '\u{17e0}',
    '\u{1810}',
    '\u{19d0}',
    '\u{ff10}',
    '\u{1d7ce}',
    '\u{1d7d8}',
    '\u{1d7e2}',
    '\u{1d7ec}',
    '\u{1d7f6}',
];

/// The ASCII digit that a digit of any script stands for; `phonenumber` reads no others. Any other character as it is.
fn ascii_digit(character: char) -> char {
    let digit = ZEROS.iter().find_map(|zero| {
        u32::from(character)
            .checked_sub(u32::from(*zero))
            .filter(|value| *value < 10)
    });
    digit.and_then(|value| char::from_digit(value, 10)).unwrap_or(character)
}

impl fmt::Debug for SubjectRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectRule({:?})", self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_phone_is_one_subject() {
        let rule = SubjectRule::for_region("RU").unwrap();
        for spelling in [
            "89686484488",
            "+7 968 648-44-88",
            "79686484488",
            " 7 968 648-44-88",
            "8 (968) 648 44 88",
            "８９６８６４８４４８８",
            "＋７（９６８）６４８－４４－８８",
            "٨٩٦٨٦٤٨٤٤٨٨",
            "\u{202d}+7 968 648 44 88\u{202c}",
            "𝟴𝟵𝟲𝟴𝟲𝟰𝟴𝟰𝟰𝟴𝟴",
        ] {
            for _again in 0..2 {
                assert_eq!(rule.normalise(spelling).unwrap().as_str(), "+79686484488", "{spelling}");
            }
        }
        for other in ["", "hello", "+", "drop table"] {
            assert_eq!(rule.normalise(other), Err(NotASubject), "{other}");
        }
    }

    #[test]
    fn a_number_that_lacks_a_digit_or_has_one_too_many_is_told_apart() {
        let rule = SubjectRule::for_region("RU").unwrap();
        for (number, whole) in [
            ("89686484488", true),
            ("+7 999 000-11-11", true),
            ("+7 701 123 45 67", true),
            ("8968648448", false),
            ("896864844881", false),
            ("+49 30 901820", true),
            ("+1 212 555 01", false),
        ] {
            let said = rule
                .normalise(number)
                .is_ok_and(|subject| subject.is_in_numbering_plan());
            assert_eq!(said, whole, "{number}");
        }
    }

    #[test]
    fn a_region_must_exist() {
        assert!(SubjectRule::for_region("XX").is_none());
    }

    #[test]
    fn a_subject_hides_itself_from_logs() {
        let subject = SubjectRule::for_region("RU").unwrap().normalise("89686484488").unwrap();
        assert_eq!(format!("{subject:?}"), "Subject(…)");
    }
}
