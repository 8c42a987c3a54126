//! Between the vocabulary and the words of `wit/` that all worlds share.

use turnout_vocabulary::{Action, Backend, RepositoryId, Subject};

use crate::bindings::routing::turnout::policy::types as wit;

pub(super) fn target(repository: RepositoryId, subject: Option<&Subject>) -> wit::Target<'_> {
    wit::Target {
        repository: repository.0,
        subject: subject.map(Subject::as_str),
    }
}

pub(super) fn operation(action: Action, repository: RepositoryId, subject: Option<&Subject>) -> wit::Operation<'_> {
    wit::Operation {
        action: action.into(),
        target: target(repository, subject),
    }
}

/// A number as `wit/` holds it; a greater one becomes the greatest.
pub(super) fn saturated(number: u128) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The greatest number that an alert shows: too short to hold a phone.
pub(super) const MOST_SHOWN: u32 = 999_999;

/// The longest word of an alert, in letters.
const WORD: usize = 32;

/// A word of an alert that can hold no phone. Any other text becomes `other`.
pub(super) fn word(text: String) -> String {
    let good = (1..=WORD).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'-'));
    if good { text } else { "other".into() }
}

impl From<Action> for wit::Action {
    fn from(action: Action) -> Self {
        match action {
            Action::Find => Self::Find,
            Action::Insert => Self::Insert,
            Action::Upsert => Self::Upsert,
            Action::Update => Self::Update,
            Action::Delete => Self::Delete,
            Action::Call => Self::Call,
        }
    }
}

impl From<Backend> for wit::Backend {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Old => Self::Old,
            Backend::New => Self::New,
        }
    }
}

impl From<wit::Backend> for Backend {
    fn from(backend: wit::Backend) -> Self {
        match backend {
            wit::Backend::Old => Self::Old,
            wit::Backend::New => Self::New,
        }
    }
}
