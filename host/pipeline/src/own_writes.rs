use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use turnout_mirror::Mirror;
use turnout_vocabulary::{Backend, MirrorState, PerBackend, Repository, RepositoryId, Subject};

use crate::glance::Glance;
use crate::subjects::Subjects;

/// How many writes are kept in mind.
const MOST: usize = 16_384;

/// After how many new ones those that are mirrored are forgotten.
const SWEEP_AFTER: usize = 1024;

/// The writes of this host that are not known to be mirrored: what a read from the mirror might miss of its own subject.
#[derive(Default)]
pub(crate) struct OwnWrites(Mutex<State>);

#[derive(Default)]
struct State {
    /// Under `None` those of nobody, and those that did not say whose.
    by_subject: HashMap<(RepositoryId, Option<Subject>), Vec<Write>>,
    kept: usize,
    fresh: usize,
    /// When there was last no room for one of a side: every subject may have such writes.
    overflowed: PerBackend<Option<Instant>>,
}

struct Write {
    source: Backend,
    transaction: i64,
    at: Instant,
}

impl Write {
    fn is_mirrored(&self, mirror: &Mirror) -> bool {
        mirror.ended(self.source, self.transaction) == Some(MirrorState::Done)
    }
}

impl OwnWrites {
    /// Keeps a write in mind.
    pub(crate) fn note(
        &self,
        repository: RepositoryId,
        subjects: &Subjects,
        source: Backend,
        transaction: i64,
        mirror: &Mirror,
    ) {
        let at = Instant::now();
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *guard;
        let subjects = match subjects {
            Subjects::Named(subjects) => subjects.iter().cloned().collect(),
            Subjects::Unnamed => vec![None],
        };
        state.fresh += subjects.len();
        if state.fresh >= SWEEP_AFTER || state.kept >= MOST {
            state.fresh = 0;
            state.retain(|_, write| !write.is_mirrored(mirror));
        }
        if state.kept + subjects.len() > MOST {
            state.overflowed[source] = Some(at);
            return;
        }
        state.kept += subjects.len();
        for subject in subjects {
            let writes = state.by_subject.entry((repository, subject)).or_default();
            writes.push(Write {
                source,
                transaction,
                at,
            });
        }
    }

    /// When the last write of a subject was that is not known to be mirrored.
    pub(crate) fn last(&self, repository: RepositoryId, subject: Option<&Subject>, mirror: &Mirror) -> Option<Instant> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let whose = [subject.cloned(), None];
        let mut last = state.overflowed.old.max(state.overflowed.new);
        for subject in &whose[usize::from(subject.is_none())..] {
            let Some(writes) = state.by_subject.get_mut(&(repository, subject.clone())) else {
                continue;
            };
            let before = writes.len();
            writes.retain(|write| !write.is_mirrored(mirror));
            last = last.max(writes.last().map(|write| write.at));
            let (gone, empty) = (before - writes.len(), writes.is_empty());
            state.kept -= gone;
            if empty {
                state.by_subject.remove(&(repository, subject.clone()));
            }
        }
        last
    }

    /// Forgets what a glance at a side shows to be mirrored, in one repository.
    pub(crate) fn forget(&self, repository: &Repository, source: Backend, glance: &Glance) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state
            .retain(|of, write| of != repository.id || write.source != source || !glance.is_past(repository, write.at));
        state.overflowed[source] = state.overflowed[source].filter(|then| !glance.is_all_past(*then));
    }
}

impl State {
    fn retain(&mut self, keep: impl Fn(RepositoryId, &Write) -> bool) {
        self.by_subject.retain(|(repository, _), writes| {
            writes.retain(|write| keep(*repository, write));
            !writes.is_empty()
        });
        self.kept = self.by_subject.values().map(Vec::len).sum();
    }
}
