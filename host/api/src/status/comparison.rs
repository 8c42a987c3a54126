use serde::{Deserialize, Serialize};
use turnout_pipeline::Pipeline;
use turnout_vocabulary::PerBackend;

/// How far the comparison of a repository's two sides is.
#[derive(Debug, Serialize, Deserialize)]
pub struct ComparisonStatus {
    /// The repository.
    pub repository: String,
    /// Whether its rows are gone through for the second time, for those that differ.
    pub again: bool,
    /// How far it is on each side.
    #[serde(flatten)]
    pub sides: PerBackend<RowsStatus>,
}

/// How far a comparison is on one side.
#[derive(Debug, Serialize, Deserialize)]
pub struct RowsStatus {
    /// About how many rows were looked at.
    pub rows: u64,
    /// About how many there are; 0 before that is known.
    pub of_about: u64,
}

impl ComparisonStatus {
    /// The comparison of this host that is under way, if one is.
    pub(super) fn of(pipeline: &Pipeline) -> Option<Self> {
        let comparison = pipeline.handoffs.comparison()?;
        let rows = |side| {
            let looked = comparison.progress.on(side);
            RowsStatus {
                rows: looked.rows,
                of_about: looked.of_about,
            }
        };
        Some(Self {
            repository: pipeline.repositories[usize::from(comparison.repository.0)].name.clone(),
            again: comparison.progress.is_second_look(),
            sides: PerBackend::from_fn(rows),
        })
    }
}
