//! Between the vocabulary and the types of `wit/`.

use turnout_vocabulary::{
    ComparedColumn, ComparisonCount, ComparisonSource, ComparisonWindow, DivergedRow, DivergenceAlert,
    DivergenceAlertKind, DivergenceForm, RepairAction, Severity,
};

use crate::bindings::divergence::turnout::policy::divergence_types as wit;
use crate::worlds::convert::{MOST_SHOWN, saturated, word};

/// All of the compared rows, in hundredths of a percent.
const ALL: u32 = 10_000;

impl<'a> From<&'a ComparedColumn> for wit::Column<'a> {
    fn from(column: &'a ComparedColumn) -> Self {
        Self {
            name: &column.name,
            kind: &column.kind,
            old: column.old.as_deref(),
            new: column.new.as_deref(),
        }
    }
}

pub(super) fn window<'a>(window: &ComparisonWindow, counts: &'a [wit::Count]) -> wit::Window<'a> {
    wit::Window {
        seconds: saturated(window.length.as_secs().into()),
        counts,
        open: window.open,
        since_report: window
            .since_report
            .map_or(u32::MAX, |since| saturated(since.as_secs().into())),
    }
}

impl From<&ComparisonCount> for wit::Count {
    fn from(count: &ComparisonCount) -> Self {
        Self {
            repository: count.repository.0,
            source: count.source.into(),
            compared: count.compared,
            equal: count.equal,
            unsettled: count.unsettled,
            diverged: count.diverged,
            dropped: count.dropped,
            failed: count.failed,
        }
    }
}

impl From<ComparisonSource> for wit::Source {
    fn from(source: ComparisonSource) -> Self {
        match source {
            ComparisonSource::Read => Self::Read,
            ComparisonSource::Mirrored => Self::Mirrored,
            ComparisonSource::Walk => Self::Walk,
            ComparisonSource::Direct => Self::Direct,
            ComparisonSource::Baseline => Self::Baseline,
        }
    }
}

impl From<wit::Alert> for DivergenceAlert {
    fn from(alert: wit::Alert) -> Self {
        Self {
            kind: match alert.kind {
                wit::AlertKind::Rate(rate) => DivergenceAlertKind::Rate {
                    hundredths: rate.min(ALL),
                },
                wit::AlertKind::Many(rows) => DivergenceAlertKind::Many { rows: shown(rows) },
                wit::AlertKind::Report(open) => DivergenceAlertKind::Report { open: shown(open) },
                wit::AlertKind::FailedMirror(rows) => DivergenceAlertKind::FailedMirror { rows: shown(rows) },
                wit::AlertKind::Other(text) => DivergenceAlertKind::Other(word(text)),
            },
            severity: match alert.severity {
                wit::Severity::Warning => Severity::Warning,
                wit::Severity::Critical => Severity::Critical,
            },
        }
    }
}

/// The number of an alert, cut so short that it can hold no phone.
fn shown(number: u64) -> u32 {
    saturated(number.into()).min(MOST_SHOWN)
}

pub(super) fn row<'a>(row: &DivergedRow, columns: &'a [&'a str]) -> wit::DivergedRow<'a> {
    wit::DivergedRow {
        repository: row.repository.0,
        authority: row.authority.into(),
        source: row.source.into(),
        form: match row.form {
            DivergenceForm::Differs => wit::Form::Differs,
            DivergenceForm::Missing => wit::Form::Missing,
            DivergenceForm::Surplus => wit::Form::Surplus,
        },
        columns,
        age: saturated(row.age.as_secs().into()),
        attempts: row.attempts,
    }
}

impl From<wit::RepairAction> for RepairAction {
    fn from(action: wit::RepairAction) -> Self {
        match action {
            wit::RepairAction::Leave => Self::Leave,
            wit::RepairAction::Mirror => Self::Mirror,
            wit::RepairAction::Call => Self::Call,
        }
    }
}
