use std::collections::HashMap;
use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};

use turnout_backends::Comparisons as Written;
use turnout_vocabulary::{ComparisonSource, Repository, RepositoryId};

/// What became of a row that was to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Equal,
    Unsettled,
    Diverged,
    Dropped,
    Failed,
}

impl What {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Unsettled => "unsettled",
            Self::Diverged => "diverged",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
        }
    }
}

/// What this host compared and has not written down yet.
#[derive(Default)]
pub(crate) struct Counts(Mutex<HashMap<At, Count>>);

/// Which rows were compared.
pub(crate) type At = (RepositoryId, ComparisonSource);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    equal: u64,
    unsettled: u64,
    diverged: u64,
    dropped: u64,
    failed: u64,
}

impl Counts {
    pub(crate) fn add(&self, repository: RepositoryId, source: ComparisonSource, what: What, rows: u64) {
        let mut counts = self.lock();
        let count = counts.entry((repository, source)).or_default();
        let place = match what {
            What::Equal => &mut count.equal,
            What::Unsettled => &mut count.unsettled,
            What::Diverged => &mut count.diverged,
            What::Dropped => &mut count.dropped,
            What::Failed => &mut count.failed,
        };
        *place += rows;
    }

    pub(crate) fn take(&self) -> HashMap<At, Count> {
        take(&mut *self.lock())
    }

    pub(crate) fn put_back(&self, counts: HashMap<At, Count>) {
        let mut now = self.lock();
        for (at, before) in counts {
            let count = now.entry(at).or_default();
            count.equal += before.equal;
            count.unsettled += before.unsettled;
            count.diverged += before.diverged;
            count.dropped += before.dropped;
            count.failed += before.failed;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<At, Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    /// The same as the side `new` keeps it.
    pub(crate) fn of(&self, repository: &Repository, source: ComparisonSource) -> Written {
        Written {
            schema: repository.schema.clone(),
            table: repository.table.clone(),
            source: source.as_str().to_owned(),
            equal: self.equal,
            unsettled: self.unsettled,
            diverged: self.diverged,
            dropped: self.dropped,
            failed: self.failed,
        }
    }
}

/// The source of a word; unknown words are of a later version, and count as walks.
pub(crate) fn source(word: &str) -> ComparisonSource {
    let known = ComparisonSource::ALL.into_iter().find(|source| source.as_str() == word);
    known.unwrap_or(ComparisonSource::Walk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_could_not_be_written_are_kept() {
        let counts = Counts::default();
        let at = (RepositoryId(0), ComparisonSource::Read);
        counts.add(at.0, at.1, What::Equal, 2);
        let taken = counts.take();
        counts.add(at.0, at.1, What::Diverged, 1);
        counts.put_back(taken);
        let expected = Count {
            equal: 2,
            diverged: 1,
            ..Count::default()
        };
        assert_eq!(counts.take().get(&at), Some(&expected));
        assert!(counts.take().is_empty());
    }
}
