use std::sync::Arc;

use turnout_backends::DirtyKey;
use turnout_mirror::{Judge, Verdict};
use turnout_vocabulary::{ApplyFailure, Backend, RepositoryId, Retry};

use crate::Comparisons;

/// A judge whose verdicts are counted: rows that were changed behind Turnout's back, and rows that can't be mirrored.
pub struct Counted<J> {
    judge: J,
    comparisons: Arc<Comparisons>,
}

impl<J: Judge> Counted<J> {
    /// Counts the verdicts of a judge.
    #[must_use]
    pub fn new(judge: J, comparisons: Arc<Comparisons>) -> Self {
        Self { judge, comparisons }
    }
}

impl<J: Judge> Judge for Counted<J> {
    fn verdict(&self, source: Backend, repository: RepositoryId, key: &DirtyKey) -> Verdict {
        let verdict = self.judge.verdict(source, repository, key);
        if matches!(verdict, Verdict::Diverged(_)) {
            self.comparisons.changed_directly(repository);
        }
        verdict
    }

    fn is_authority(&self, source: Backend, repository: RepositoryId, key: &DirtyKey, subject: Option<&str>) -> bool {
        self.judge.is_authority(source, repository, key, subject)
    }

    fn stands_aside(&self) -> bool {
        self.judge.stands_aside()
    }

    fn retry(&self, failure: &ApplyFailure) -> Retry {
        self.judge.retry(failure)
    }

    fn parked(&self, failure: &ApplyFailure) {
        self.comparisons.failed_mirror(failure.repository);
        self.judge.parked(failure);
    }
}
