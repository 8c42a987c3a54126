//! Whose data an operation touches, and the one spelling of that.

mod email;
mod kind;
mod phone;
#[cfg(test)]
mod tests;
mod uuid;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

pub use kind::SubjectKind;
use phone::Phones;

/// Whose data an operation touches: a phone number, an email address, a UUID or a text, in its one spelling.
///
/// Only a [`SubjectRule`] makes one. It is personal data: `Debug` hides it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Subject(Arc<str>);

impl Subject {
    /// The subject itself, for policies and SQL; never for a log.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject(…)")
    }
}

/// A text that is no subject. The text itself is not repeated: it may be personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASubject {
    /// It is not what subjects are.
    #[error("this is not {}", .0.one())]
    Other(SubjectKind),
    /// It reads as a phone number, and no phone can have it.
    #[error("its country has no such phone number: a digit is missing, too many or wrong")]
    NotInNumberingPlan,
}

/// What the subjects of a site are, and how their spellings become one. Clones share what they remember.
#[derive(Clone)]
pub struct SubjectRule(Rule);

#[derive(Clone)]
enum Rule {
    Phone(Phones),
    Email,
    Uuid,
    Text,
}

impl SubjectRule {
    /// The rule for phone numbers, which may be written without a country code in this ISO 3166-1 alpha-2 region, such as `RU`;
    /// `None` if there is no such region.
    #[must_use]
    pub fn for_region(region: &str) -> Option<Self> {
        Phones::of_region(region).map(Rule::Phone).map(Self)
    }

    /// The rule for subjects of a kind; only phone numbers need the region. `None` if there is no such region.
    #[must_use]
    pub fn of_kind(kind: SubjectKind, region: &str) -> Option<Self> {
        match kind {
            SubjectKind::Phone => Self::for_region(region),
            SubjectKind::Email => Some(Self(Rule::Email)),
            SubjectKind::Uuid => Some(Self(Rule::Uuid)),
            SubjectKind::Text => Some(Self(Rule::Text)),
        }
    }

    /// What the subjects are.
    #[must_use]
    pub fn kind(&self) -> SubjectKind {
        match self.0 {
            Rule::Phone(_) => SubjectKind::Phone,
            Rule::Email => SubjectKind::Email,
            Rule::Uuid => SubjectKind::Uuid,
            Rule::Text => SubjectKind::Text,
        }
    }

    /// The region of phone numbers: an ISO 3166-1 alpha-2 code. Other kinds have none.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        match &self.0 {
            Rule::Phone(phones) => Some(phones.region()),
            Rule::Email | Rule::Uuid | Rule::Text => None,
        }
    }

    /// The one spelling of a subject, whatever spelling it came in.
    ///
    /// # Errors
    /// [`NotASubject::Other`] if the text is no subject.
    pub fn normalise(&self, text: &str) -> Result<Subject, NotASubject> {
        let subject = match &self.0 {
            Rule::Phone(phones) => phones.normalise(text),
            Rule::Email => email::normalise(text).map(|text| Subject(text.into())),
            Rule::Uuid => uuid::normalise(text).map(|text| Subject(text.into())),
            Rule::Text => (!text.is_empty()).then(|| Subject(text.into())),
        };
        subject.ok_or(NotASubject::Other(self.kind()))
    }

    /// The subject that a text of a subject column names. Null, and a text that is no subject, belong to nobody.
    #[must_use]
    pub fn subject_in(&self, text: Option<&str>) -> Option<Subject> {
        text.and_then(|text| self.normalise(text).ok())
    }

    /// The subjects that texts of a subject column name; `None` among them stands for nobody.
    pub fn subjects_in<'a>(&self, texts: impl IntoIterator<Item = Option<&'a str>>) -> HashSet<Option<Subject>> {
        texts.into_iter().map(|text| self.subject_in(text)).collect()
    }

    /// The same for a text that a person wrote by hand: a phone number with a digit too few or too many is refused.
    ///
    /// # Errors
    /// [`NotASubject`] if the text is no subject, or must be a mistake.
    pub fn normalise_written(&self, text: &str) -> Result<Subject, NotASubject> {
        let subject = self.normalise(text)?;
        if self.kind() == SubjectKind::Phone && !phone::is_in_numbering_plan(&subject) {
            return Err(NotASubject::NotInNumberingPlan);
        }
        Ok(subject)
    }

    /// A made-up subject, for questions about nobody in particular. Different numbers below 999,999,000 make different subjects; the
    /// first 1,000 phone numbers are spread over all that can follow `+79`, as Russian mobile phones are.
    #[must_use]
    pub fn made_up(&self, number: u32) -> Subject {
        let number = u64::from(number);
        let spread = number % 1000 * 999_999_937 / 1000 + number / 1000;
        let text = match self.0 {
            Rule::Phone(_) => format!("+79{spread:09}"),
            Rule::Email => format!("made-up-{spread:09}@example.com"),
            Rule::Uuid => format!("00000000-0000-4000-8000-000{spread:09}"),
            Rule::Text => format!("made-up-{spread:09}"),
        };
        Subject(text.into())
    }
}

impl fmt::Debug for SubjectRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectRule({}", self.kind())?;
        self.region().map_or(Ok(()), |region| write!(f, ", {region}"))?;
        f.write_str(")")
    }
}
