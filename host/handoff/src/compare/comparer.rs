use std::sync::Arc;

use arc_swap::ArcSwapOption;
use turnout_backends::{Database, Error as BackendError};
use turnout_compare::{Compared, Progress};
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository, RepositoryId};

/// A comparison of this host that is under way.
#[derive(Debug)]
pub struct Comparison {
    /// The repository whose sides are compared.
    pub repository: RepositoryId,
    /// How far it is.
    pub progress: Progress,
}

/// Compares both sides of one repository at a time.
pub(crate) struct Comparer {
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) under_way: ArcSwapOption<Comparison>,
}

impl Comparer {
    /// Compares both sides of a repository, and marks what differs; [`under_way`](Self::under_way) shows how far it is.
    pub(crate) async fn compare(
        &self,
        repository: &Repository,
        epoch: Epoch,
        authority: impl Fn(Option<&str>) -> Option<Backend>,
    ) -> Result<Compared, BackendError> {
        let comparison = Arc::new(Comparison {
            repository: repository.id,
            progress: Progress::default(),
        });
        self.under_way.store(Some(Arc::clone(&comparison)));
        let compared =
            turnout_compare::compare(&self.backends, repository, epoch, &comparison.progress, authority).await;
        self.under_way.store(None);
        compared
    }

    /// Shows how far the applier is with a repository that it goes through as a dirty range of a side.
    pub(crate) async fn show(&self, repository: &Repository, side: Backend, rows: u64) -> Result<(), BackendError> {
        let shown = self.under_way.load_full();
        let shown = if let Some(comparison) = shown.filter(|comparison| comparison.repository == repository.id) {
            comparison
        } else {
            let progress = Progress::default();
            progress.begin(side, 0, self.backends[side].row_estimate(repository).await?);
            Arc::new(Comparison {
                repository: repository.id,
                progress,
            })
        };
        shown.progress.reach(side, rows);
        self.under_way.store(Some(shown));
        Ok(())
    }

    /// Shows that no comparison is under way.
    pub(crate) fn show_nothing(&self) {
        self.under_way.store(None);
    }

    /// The comparison of this host that is under way, if one is.
    pub(crate) fn under_way(&self) -> Option<Arc<Comparison>> {
        self.under_way.load_full()
    }
}
