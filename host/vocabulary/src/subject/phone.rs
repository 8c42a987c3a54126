use std::sync::Arc;

use phonenumber::{Mode, country};
use quick_cache::sync::Cache;

use super::Subject;

/// How many texts are remembered: the same people come again, and reading a number costs microseconds.
const REMEMBERED: usize = 16_384;

/// How long a text may be and still be remembered. No spelling of a phone number is longer.
const REMEMBERED_LENGTH: usize = 32;

/// How phone numbers are read: the region whose numbers may be written without a country code. Clones share what they remember.
#[derive(Clone)]
pub(super) struct Phones {
    region: country::Id,
    remembered: Arc<Cache<Box<str>, Option<Subject>>>,
}

impl Phones {
    /// For an ISO 3166-1 alpha-2 region such as `RU`; `None` if there is no such region.
    pub(super) fn of_region(region: &str) -> Option<Self> {
        let region = region.parse().ok()?;
        Some(Self {
            region,
            remembered: Arc::new(Cache::new(REMEMBERED)),
        })
    }

    pub(super) fn region(&self) -> &str {
        self.region.as_ref()
    }

    /// The number in E.164.
    pub(super) fn normalise(&self, text: &str) -> Option<Subject> {
        if let Some(remembered) = self.remembered.get(text) {
            return remembered;
        }
        let subject = self.read(text);
        if text.len() <= REMEMBERED_LENGTH {
            self.remembered.insert(text.into(), subject.clone());
        }
        subject
    }

    fn read(&self, text: &str) -> Option<Subject> {
        let text: String = text.trim().chars().map(ascii_digit).collect();
        let number = phonenumber::parse(Some(self.region), text).ok()?;
        Some(Subject(number.format().mode(Mode::E164).to_string().into()))
    }
}

/// Whether the numbering plan of its country has such numbers. One that a person wrote by hand may lack a digit.
pub(super) fn is_in_numbering_plan(subject: &Subject) -> bool {
    phonenumber::parse(None, subject.as_str()).is_ok_and(|number| number.is_valid())
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
