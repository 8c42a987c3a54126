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

/// The same for people and files, with what is decided on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedOperation {
    /// The repository.
    pub repository: String,
    /// What is done.
    pub action: String,
    /// The subject: a keyed hash of it, unless the configuration allows the phone itself.
    pub subject: Option<String>,
    /// What the policies in force decided when this was shown.
    #[serde(flatten)]
    pub decided: Decided,
}

impl RecordedOperation {
    /// The subject's phone, if the operator allowed the recording to hold it.
    #[must_use]
    pub fn phone(&self) -> Option<&str> {
        self.subject.as_deref().filter(|name| is_phone(name))
    }
}

/// Whether a name is the phone itself, not its hash.
pub(crate) fn is_phone(name: &str) -> bool {
    name.starts_with('+')
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
        if self.clear_subjects {
            subject.as_str().to_owned()
        } else {
            self.key.name(subject)
        }
    }
}

#[cfg(test)]
mod tests {
    use turnout_vocabulary::SubjectRule;

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
        recording.note(RepositoryId(0), Action::Find, None);
        assert!(Recording::new(0, false, key()).last().is_empty());
    }
}
