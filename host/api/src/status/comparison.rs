use serde::{Deserialize, Serialize};
use turnout_pipeline::Pipeline;
use turnout_vocabulary::PerBackend;

/// The progress of the comparison of a repository's two sides.
#[derive(Debug, Serialize, Deserialize)]
pub struct ComparisonStatus {
    /// The repository.
    pub repository: String,
    /// The progress on each side.
    #[serde(flatten)]
    pub sides: PerBackend<RowsStatus>,
}

/// The progress of a comparison on one side.
#[derive(Debug, Serialize, Deserialize)]
pub struct RowsStatus {
    /// About how many rows were scanned.
    pub rows: u64,
    /// About how many rows there are; 0 before that is known.
    pub of_about: u64,
}

impl ComparisonStatus {
    /// The comparison that this host is working on, if there is one.
    pub(super) fn of(pipeline: &Pipeline) -> Option<Self> {
        let comparison = pipeline.handoffs.comparison()?;
        let rows = |side| {
            let scanned = comparison.progress.on(side);
            RowsStatus {
                rows: scanned.rows,
                of_about: scanned.of_about,
            }
        };
        Some(Self {
            repository: pipeline.repositories[usize::from(comparison.repository.0)].name.clone(),
            sides: PerBackend::from_fn(rows),
        })
    }
}
