//! How bad a difference is, and what mends it.

use turnout_vocabulary::Backend;

use crate::difference::{Difference, Kind};
use crate::finding::{Finding, Remedy, Severity, Side};

/// What a difference means for the migration, whatever the rows are.
pub(crate) fn finding(difference: &Difference) -> Finding {
    let (severity, why) = judged(difference);
    Finding {
        severity,
        kind: difference.kind.as_str(),
        side: difference.only_on().map(|has| Side(has.other())),
        table: difference.table.clone(),
        object: Some(difference.object.clone()),
        what: difference.in_words(),
        why,
        remedies: remedies(difference),
        rows: None,
    }
}

/// The side to make like the other first, then the other way.
fn remedies(difference: &Difference) -> Vec<Remedy> {
    let is_new_stricter = difference.only_on() == Some(Backend::New)
        || difference
            .rule
            .as_ref()
            .is_some_and(|rule| rule.asked_by == Backend::New);
    let sides = if is_new_stricter {
        vec![Backend::Old, Backend::New]
    } else {
        vec![Backend::New]
    };
    let remedies = sides.into_iter().map(|side| remedy(side, &difference.mends[side]));
    remedies.filter(|remedy| !remedy.sql.is_empty()).collect()
}

pub(crate) fn remedy(side: Backend, statements: &[String]) -> Remedy {
    Remedy {
        side: Side(side),
        sql: statements.join("\n"),
    }
}

fn judged(difference: &Difference) -> (Severity, &'static str) {
    use Severity::{Blocks, Warns};
    let is_missing_on_new = difference.only_on() == Some(Backend::Old);
    let is_on_new_alone = difference.only_on() == Some(Backend::New);
    match difference.kind {
        Kind::Role => (
            Warns,
            "privileges and policies for it can't be made there, and no request can run under it",
        ),
        Kind::Extension
            if is_missing_on_new
                && difference
                    .definitions
                    .old
                    .as_ref()
                    .is_some_and(|text| text.ends_with("need")) =>
        {
            (
                Blocks,
                "columns, defaults or indexes of the tables can't be made without it",
            )
        }
        Kind::Extension => (Warns, "what it offers is missing or behaves otherwise there"),
        Kind::Enum if has_same_labels(difference) => (Warns, "rows are sorted and compared otherwise"),
        Kind::Enum if is_on_new_alone => (Warns, "nothing on old has it"),
        Kind::Enum => (
            Blocks,
            "a row with a label that the other side lacks can't be copied there",
        ),
        Kind::Table => (Blocks, "rows can only be copied to a table that is there"),
        Kind::Column => (
            Blocks,
            "a row is copied whole or not at all, so no row can be copied to the side that lacks the column",
        ),
        Kind::Type => (Blocks, "values would be lost, rounded or refused on the way"),
        Kind::Collation => (Warns, "texts are sorted and compared otherwise"),
        Kind::Generated => (
            Blocks,
            "the column comes out otherwise, so copied rows would count as different",
        ),
        Kind::Identity => (
            Blocks,
            "rows that leave the number out, or that write it, are refused on one side",
        ),
        Kind::Default if difference.definitions.new.as_deref() == Some("none") => (
            Blocks,
            "rows that leave the column out come out otherwise or are refused on new",
        ),
        Kind::Default => (Warns, "rows that leave the column out come out otherwise"),
        Kind::NotNull | Kind::Check | Kind::Exclusion => (
            Blocks,
            "the stricter side refuses rows that the other takes, so these can't be mirrored",
        ),
        Kind::Unique => (
            Blocks,
            "the stricter side refuses rows that the other takes, and an upsert that names these columns fails where it is missing",
        ),
        Kind::ForeignKey if is_on_new_alone => (
            Warns,
            "new refuses rows that old takes, unless it is silent while the mirror writes",
        ),
        Kind::ForeignKey => (
            Blocks,
            "requests that embed the related table are refused where it is missing, and rows lose their parents",
        ),
        Kind::Index => (Warns, "reads may be slow on the side that lacks it"),
        Kind::Function if is_missing_on_new => (Blocks, "calls of it fail on new"),
        Kind::View if is_missing_on_new => (Blocks, "reads of it fail on new"),
        Kind::Function | Kind::View => (Warns, "what it answers depends on the side"),
        Kind::Trigger => (Warns, "what it does is done on one side only, or otherwise"),
        Kind::RowSecurity | Kind::Policy => (
            Warns,
            "other rows are shown or hidden, by side, to roles that row-level security binds",
        ),
        Kind::Grant => (
            Warns,
            "requests that run under the role are refused on the side that lacks the privilege",
        ),
    }
}

/// Whether an enum has the same labels on both sides in another order.
fn has_same_labels(difference: &Difference) -> bool {
    let (Some(old), Some(new)) = (&difference.definitions.old, &difference.definitions.new) else {
        return false;
    };
    let sorted = |labels: &str| {
        let mut labels: Vec<String> = labels.split(", ").map(str::to_owned).collect();
        labels.sort_unstable();
        labels
    };
    sorted(old) == sorted(new)
}
