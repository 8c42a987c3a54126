use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Something that must be so before authority moves to `new`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum Criterion {
    /// The chain of the evidence is whole.
    Evidence,
    /// The last preflight of each repository found nothing that blocks.
    Preflight,
    /// Neither schema changed since.
    Drift,
    /// All rows that are mirrored were copied or compared.
    Backfill,
    /// The last comparison found both sides equal, and is not old.
    Verify,
    /// No row is known to differ.
    Divergences,
    /// No change has waited long to be mirrored.
    Mirror,
    /// No key is parked.
    Parked,
    /// Nothing became slower on `new`.
    Baseline,
    /// The rollback was rehearsed, and not long ago.
    Drill,
    /// Both sides ran in parallel for long enough.
    ParallelRun,
    /// Both sides are backed up, as far as that can be known.
    Backups,
}

/// A word that names no criterion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCriterion(String);

impl Criterion {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 12] = [
        Self::Evidence,
        Self::Preflight,
        Self::Drift,
        Self::Backfill,
        Self::Verify,
        Self::Divergences,
        Self::Mirror,
        Self::Parked,
        Self::Baseline,
        Self::Drill,
        Self::ParallelRun,
        Self::Backups,
    ];

    /// Its word in settings and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Preflight => "preflight",
            Self::Drift => "drift",
            Self::Backfill => "backfill",
            Self::Verify => "verify",
            Self::Divergences => "divergences",
            Self::Mirror => "mirror",
            Self::Parked => "parked",
            Self::Baseline => "baseline",
            Self::Drill => "drill",
            Self::ParallelRun => "parallel_run",
            Self::Backups => "backups",
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Criterion {
    type Err = UnknownCriterion;

    fn from_str(word: &str) -> Result<Self, UnknownCriterion> {
        let mut all = Self::ALL.into_iter();
        all.find(|criterion| criterion.as_str() == word)
            .ok_or_else(|| UnknownCriterion(word.to_owned()))
    }
}

impl TryFrom<String> for Criterion {
    type Error = UnknownCriterion;

    fn try_from(word: String) -> Result<Self, UnknownCriterion> {
        word.parse()
    }
}

impl fmt::Display for UnknownCriterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Criterion::ALL.map(Criterion::as_str).join(", ");
        write!(f, "{:?} is no criterion; there are {known}", self.0)
    }
}
