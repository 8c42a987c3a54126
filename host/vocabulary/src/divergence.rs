use std::fmt;
use std::time::Duration;

use crate::{Backend, RepositoryId, Severity, Subject};

/// A row that both sides have, with other texts. It is personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The repository that the row belongs to.
    pub repository: RepositoryId,
    /// Whose row it is. A version on trial is asked about the rows of its subjects.
    pub subject: Option<Subject>,
    /// All columns that are compared, those whose texts are equal included.
    pub columns: Vec<ComparedColumn>,
}

/// One column of a row on both sides. A text is `None` where the value is null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedColumn {
    /// The column's name.
    pub name: String,
    /// The SQL type on `old`, as `format_type` names it.
    pub kind: String,
    /// The text on `old`.
    pub old: Option<String>,
    /// The text on `new`.
    pub new: Option<String>,
}

impl Pair {
    /// The places of the columns whose texts differ.
    pub fn differing(&self) -> impl Iterator<Item = usize> {
        let columns = self.columns.iter().enumerate();
        columns.filter(|(_, column)| column.differs()).map(|(place, _)| place)
    }

    /// How long all texts are together, in bytes.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        let texts = self.columns.iter().flat_map(|column| [&column.old, &column.new]);
        texts.flatten().map(String::len).sum()
    }
}

impl ComparedColumn {
    /// Whether the texts differ.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.old != self.new
    }
}

/// What was compared lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparisonWindow {
    /// How long the window is. It ends now.
    pub length: Duration,
    /// What was compared within the window, once for each repository and source.
    pub counts: Vec<ComparisonCount>,
    /// How many divergences are open now.
    pub open: u64,
    /// How long ago a report was raised last; `None` if none was.
    pub since_report: Option<Duration>,
}

/// What became of the rows of one repository that came from one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComparisonCount {
    /// The repository.
    pub repository: RepositoryId,
    /// Where the rows came from.
    pub source: ComparisonSource,
    /// How many were compared: the sum of the next three.
    pub compared: u64,
    /// How many were equal.
    pub equal: u64,
    /// How many changed again and again while they were compared.
    pub unsettled: u64,
    /// How many were confirmed to differ.
    pub diverged: u64,
    /// How many were not compared because others were waiting already.
    pub dropped: u64,
    /// How many could not be compared because a side failed; of [`ComparisonSource::Mirrored`], how many could not be mirrored.
    pub failed: u64,
}

/// Why rows are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ComparisonSource {
    /// A read of the application was asked of both sides.
    Read,
    /// The mirror has just written the row.
    Mirrored,
    /// A walk through the whole table came by.
    Walk,
    /// The row was changed behind Turnout's back, on the side that is not its authority.
    Direct,
    /// The authority was asked twice: what differs is noise.
    Baseline,
}

impl ComparisonSource {
    /// All sources.
    pub const ALL: [Self; 5] = [Self::Read, Self::Mirrored, Self::Walk, Self::Direct, Self::Baseline];

    /// The source's word in the databases and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Mirrored => "mirrored",
            Self::Walk => "walk",
            Self::Direct => "direct",
            Self::Baseline => "baseline",
        }
    }
}

/// A row that was confirmed to differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DivergedRow {
    /// The repository that the row belongs to.
    pub repository: RepositoryId,
    /// Whose row it is. A version on trial is asked about the rows of its subjects; no policy is told.
    pub subject: Option<Subject>,
    /// The row's authority.
    pub authority: Backend,
    /// What led to the row.
    pub source: ComparisonSource,
    /// How the sides differ.
    pub form: DivergenceForm,
    /// The names of the columns that differ; none unless the form is [`DivergenceForm::Differs`].
    pub columns: Vec<String>,
    /// How long ago the divergence was first seen.
    pub age: Duration,
    /// How often the row was mirrored again because of this divergence.
    pub attempts: u32,
}

/// How the two sides of a row differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DivergenceForm {
    /// Both sides have the row, with other values.
    Differs,
    /// The mirror lacks the row.
    Missing,
    /// Only the mirror has the row.
    Surplus,
}

/// What is done about a divergence, as a divergence policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepairAction {
    /// Nothing is done.
    Leave,
    /// The row is mirrored again from its authority.
    Mirror,
    /// A person is called.
    Call,
}

/// What people should hear of what was compared. An alert can hold no personal data. `Display` says it in words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DivergenceAlert {
    /// What happened.
    pub kind: DivergenceAlertKind,
    /// How much it matters.
    pub severity: Severity,
}

impl fmt::Display for DivergenceAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DivergenceAlertKind::Rate { hundredths } => {
                let (percent, rest) = (hundredths / 100, hundredths % 100);
                write!(
                    f,
                    "{percent}.{rest:02} % of the compared rows differ between the two sides"
                )
            }
            DivergenceAlertKind::Many { rows } => {
                write!(
                    f,
                    "comparisons found {rows} rows lately that differ between the two sides"
                )
            }
            DivergenceAlertKind::Report { open } => write!(f, "{open} rows differ between the two sides"),
            DivergenceAlertKind::FailedMirror { rows } => write!(f, "{rows} rows could not be mirrored lately"),
            DivergenceAlertKind::Other(word) => write!(f, "the divergence policy says `{word}`"),
        }
    }
}

/// What an alert about comparisons is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DivergenceAlertKind {
    /// Too large a part of the compared rows differs.
    Rate {
        /// The part in hundredths of a percent, 10,000 at most.
        hundredths: u32,
    },
    /// Too many rows were confirmed to differ within the window.
    Many {
        /// How many.
        rows: u32,
    },
    /// Divergences are open, as they were before.
    Report {
        /// How many.
        open: u32,
    },
    /// Too many rows could not be mirrored within the window.
    FailedMirror {
        /// How many.
        rows: u32,
    },
    /// Anything else, in a word of the policy's own: letters from `a` to `z` and `-`, at most 32.
    Other(String),
}

impl DivergenceAlertKind {
    /// The kind's word in metrics, one of five. A policy's own word becomes `other`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Rate { .. } => "divergence_rate",
            Self::Many { .. } => "divergence_many",
            Self::Report { .. } => "divergence_report",
            Self::FailedMirror { .. } => "failed_mirror",
            Self::Other(_) => "other",
        }
    }
}
