use crossbeam_queue::ArrayQueue;
use serde::{Deserialize, Serialize};
use turnout_vocabulary::{Action, RecordingKey, RepositoryId, Subject};

use crate::Decided;

/// The last operations, as policies see them. To keep one takes no lock.
pub struct Recording {
    last: Option<ArrayQueue<Recorded>>,
    key: RecordingKey,
    clear_subjects: bool,
}

/// One question of an operation: a bulk write asks about each of its subjects.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) repository: RepositoryId,
    pub(crate) action: Action,
    pub(crate) subject: Option<Subject>,
}

/// The same for people and files, with what is decided on it. `GET /v1/recording` gives the lines of such a file, so this is the shape
/// of both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedOperation {
    /// The repository.
    pub repository: String,
    /// What is done.
    pub action: String,
    /// The subject: a keyed hash of it, unless the configuration allows the subject itself; that has an `=` before it where it could
    /// be taken for a hash.
    pub subject: Option<String>,
    /// What the policies in force decided when this was shown.
    #[serde(flatten)]
    pub decided: Decided,
}

impl RecordedOperation {
    /// The subject itself, if the operator allowed the recording to hold it.
    #[must_use]
    pub fn clear_subject(&self) -> Option<&str> {
        let name = self.subject.as_deref().filter(|name| !is_hash(name))?;
        Some(name.strip_prefix(MARK).unwrap_or(name))
    }
}

/// Stands before a subject that could be taken for a hash.
const MARK: char = '=';

/// How many hexadecimal digits a hash has.
const HASH_DIGITS: usize = 16;

/// Whether a name is the hash of a subject, not the subject itself.
pub(crate) fn is_hash(name: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    name.len() == HASH_DIGITS && name.bytes().all(is_digit)
}

impl Recording {
    /// Keeps that many operations, none if it is zero. Subjects are shown as keyed hashes unless `clear_subjects` is set.
    #[must_use]
    pub fn new(operations: usize, clear_subjects: bool, key: RecordingKey) -> Self {
        Self {
            last: (operations > 0).then(|| ArrayQueue::new(operations)),
            key,
            clear_subjects,
        }
    }

    pub(crate) fn note(&self, repository: RepositoryId, action: Action, subject: Option<&Subject>) {
        if let Some(last) = &self.last {
            last.force_push(Recorded {
                repository,
                action,
                subject: subject.cloned(),
            });
        }
    }

    /// What is kept, oldest first.
    pub(crate) fn last(&self) -> Vec<Recorded> {
        let Some(last) = &self.last else { return Vec::new() };
        let kept: Vec<_> = std::iter::from_fn(|| last.pop()).take(last.capacity()).collect();
        for recorded in &kept {
            last.force_push(recorded.clone());
        }
        kept
    }

    /// What a subject is called outside of this process.
    pub(crate) fn name(&self, subject: &Subject) -> String {
        let clear = subject.as_str();
        if !self.clear_subjects {
            self.key.name(subject)
        } else if is_hash(clear) || clear.starts_with(MARK) {
            format!("{MARK}{clear}")
        } else {
            clear.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use turnout_vocabulary::{SubjectKind, SubjectRule};

    use super::*;

    #[test]
    fn the_last_operations_are_kept_and_subjects_only_as_hashes() {
        let subject = SubjectRule::for_region("RU").unwrap().normalise("89686484488").unwrap();
        let key = || RecordingKey::of("secret");
        let recording = Recording::new(2, false, key());
        for number in 0..3 {
            recording.note(RepositoryId(number), Action::Find, Some(&subject));
        }
        for _ in 0..2 {
            let numbers: Vec<_> = recording.last().iter().map(|kept| kept.repository.0).collect();
            assert_eq!(numbers, [1, 2]);
        }
        let name = recording.name(&subject);
        assert_eq!(name, recording.name(&subject));
        assert!(!name.contains("9686484488") && name != RecordingKey::of("another").name(&subject));
        assert_eq!(Recording::new(2, true, key()).name(&subject), "+79686484488");
        let texts = SubjectRule::of_kind(SubjectKind::Text, "RU").unwrap();
        for (text, shown) in [
            ("0123456789abcdef", "=0123456789abcdef"),
            ("=0123456789abcdef", "==0123456789abcdef"),
            ("0123456789ABCDEF", "0123456789ABCDEF"),
            ("anna", "anna"),
        ] {
            let subject = texts.normalise(text).unwrap();
            let recorded = |recording: &Recording| RecordedOperation {
                repository: "clients".into(),
                action: "find".into(),
                subject: Some(recording.name(&subject)),
                decided: Decided::default(),
            };
            let clear = recorded(&Recording::new(2, true, key()));
            assert_eq!(
                (clear.subject.as_deref(), clear.clear_subject()),
                (Some(shown), Some(text))
            );
            assert_eq!(recorded(&recording).clear_subject(), None);
        }
        recording.note(RepositoryId(0), Action::Find, None);
        assert!(Recording::new(0, false, key()).last().is_empty());
    }
}
