use std::sync::Arc;

use turnout_backends::{DirtyKey, NotApplied};
use turnout_mirror::{Judge, Unsaid, Verdict};
use turnout_vocabulary::{ApplyFailure, Backend, ComparisonSource, Epoch, RepositoryId, Retry};

use crate::Comparisons;
use crate::counts::What;

/// A judge whose rows are counted: those that were mirrored, that can't be, and that were changed behind Turnout's back.
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

    fn count(&self, repository: RepositoryId, what: What, rows: u64) {
        let source = ComparisonSource::Mirrored;
        self.comparisons.count(repository, source, what, rows);
    }
}

impl<J: Judge> Judge for Counted<J> {
    fn verdict(&self, source: Backend, repository: RepositoryId, key: &DirtyKey) -> Verdict {
        let verdict = self.judge.verdict(source, repository, key);
        if matches!(verdict, Verdict::Diverged(_)) {
            let source = ComparisonSource::Direct;
            self.comparisons.count(repository, source, What::Diverged, 1);
        }
        verdict
    }

    fn is_authority(&self, source: Backend, repository: RepositoryId, key: &DirtyKey, subject: Option<&str>) -> bool {
        self.judge.is_authority(source, repository, key, subject)
    }

    fn keeper(&self, repository: RepositoryId, epoch: Epoch, subject: Option<&str>) -> Result<Option<Backend>, Unsaid> {
        self.judge.keeper(repository, epoch, subject)
    }

    fn stands_aside(&self) -> bool {
        self.judge.stands_aside()
    }

    fn retry(&self, failure: &ApplyFailure) -> Retry {
        self.judge.retry(failure)
    }

    fn mirrored(&self, repository: RepositoryId, rows: u64) {
        self.count(repository, What::Equal, rows);
        self.judge.mirrored(repository, rows);
    }

    fn parked(&self, failure: &ApplyFailure) {
        let what = if failure.sqlstate == NotApplied::OTHERWISE {
            What::Diverged
        } else {
            What::Failed
        };
        self.count(failure.repository, what, 1);
        self.judge.parked(failure);
    }
}
