//! Between the vocabulary and the types of `wit/`.

use std::time::Duration;

use turnout_vocabulary::{CleanupCount, CleanupRequest, CleanupRow, CleanupVerdict, Subject};

use crate::bindings::safe_cleanup::turnout::policy::safe_cleanup_types as wit;
use crate::worlds::convert::{saturated, word};

/// A whole table, in hundredths of a percent.
const ALL: u32 = 10_000;

pub(super) fn columns(row: &CleanupRow) -> Vec<wit::Column<'_>> {
    let columns = row.columns.iter().map(|column| wit::Column {
        name: &column.name,
        kind: &column.kind,
        text: column.text.as_deref(),
    });
    columns.collect()
}

pub(super) fn row<'a>(row: &'a CleanupRow, columns: &'a [wit::Column<'a>]) -> wit::Row<'a> {
    wit::Row {
        repository: row.repository.0,
        subject: row.subject.as_ref().map(Subject::as_str),
        columns,
    }
}

impl From<&CleanupRequest> for wit::Request {
    fn from(request: &CleanupRequest) -> Self {
        Self {
            repository: request.repository.0,
            execute: request.execute,
            expected: request.expected,
        }
    }
}

pub(super) fn evidence<'a>(counts: &'a [wit::Count], samples: &'a [wit::Row<'a>]) -> wit::Evidence<'a> {
    wit::Evidence { counts, samples }
}

impl From<&CleanupCount> for wit::Count {
    fn from(count: &CleanupCount) -> Self {
        let seconds = |age: Duration| saturated(age.as_secs().into());
        Self {
            repository: count.repository.0,
            backend: count.backend.into(),
            requested: count.requested,
            referring: count.referring,
            marked: count.marked,
            table_rows: count.table_rows,
            youngest: count.youngest.map(seconds),
            oldest: count.oldest.map(seconds),
        }
    }
}

impl From<wit::Verdict> for CleanupVerdict {
    fn from(verdict: wit::Verdict) -> Self {
        match verdict {
            wit::Verdict::Agreed => Self::Agreed,
            wit::Verdict::TooManyRows(limit) => Self::TooManyRows { limit },
            wit::Verdict::TooLargeShare(limit) => Self::TooLargeShare {
                hundredths: limit.hundredths.min(ALL),
                from: limit.from_rows,
            },
            wit::Verdict::Other(text) => Self::Refused(word(text)),
        }
    }
}
