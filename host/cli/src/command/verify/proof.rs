use serde::{Deserialize, Serialize};
use turnout_vocabulary::PerBackend;

/// What was found of one repository.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Proof {
    pub(super) repository: String,
    pub(super) verdict: Verdict,
    /// Why the rows were not compared, if they were not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// How many percent of the rows were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sample_percent: Option<f64>,
    /// How many rows each side has.
    pub(super) rows: PerBackend<u64>,
    /// The digest of the rows of each side.
    pub(super) sha256: PerBackend<String>,
    /// How many keys differ.
    pub(super) different: u64,
    /// How many keys have rows that count as equal although their texts differ.
    pub(super) tolerated: u64,
    /// How many keys changed or were pending at every look.
    pub(super) unsettled: u64,
    /// How many keys have rows that differ and are not mirrored in the stage of their subject.
    #[serde(default)]
    pub(super) not_mirrored: u64,
    /// The columns that one side alone has.
    pub(super) missing_columns: Vec<String>,
    /// When the comparison began and ended, in RFC 3339.
    pub(super) began: String,
    pub(super) ended: String,
    /// How long the comparison worked, in seconds.
    pub(super) seconds: f64,
    /// The snapshot of each side before the first and after the last row. Every row was equal at a moment between both.
    pub(super) snapshots: PerBackend<[String; 2]>,
}

impl Proof {
    /// Whether only rows differ that are not mirrored.
    pub(super) fn is_equal_where_mirrored(&self) -> bool {
        self.reason.is_none() && self.different == 0 && self.missing_columns.is_empty()
    }
}

/// What is certain of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Equal,
    Unknown,
    Different,
}

impl Verdict {
    /// That of several repositories: a difference outweighs what could not be told.
    pub(super) fn of_all(proofs: &[Proof]) -> Self {
        proofs.iter().map(|proof| proof.verdict).max().unwrap_or(Self::Equal)
    }
}
