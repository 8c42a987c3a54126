//! The header `Preference-Applied`: the preferences that were honoured, in PostgREST's order.

use http::HeaderValue;
use turnout_vocabulary::{Action, Count, Resolution};

use crate::request::{End, Handling, Missing, Preferences, Return};

pub(super) fn header(action: Action, preferences: &Preferences) -> Option<HeaderValue> {
    let resolution = preferences
        .resolution
        .filter(|_| action == Action::Upsert)
        .map(|resolution| match resolution {
            Resolution::Merge => "resolution=merge-duplicates",
            Resolution::Ignore => "resolution=ignore-duplicates",
        });
    let takes_rows = matches!(action, Action::Insert | Action::Upsert | Action::Update);
    let missing = preferences.missing.filter(|_| takes_rows).map(|missing| match missing {
        Missing::Null => "missing=null",
        Missing::Default => "missing=default",
    });
    let returned = preferences
        .returned
        .filter(|_| action.is_write())
        .map(|returned| match returned {
            Return::Minimal => "return=minimal",
            Return::HeadersOnly => "return=headers-only",
            Return::Representation => "return=representation",
        });
    let count = preferences.count.map(|count| match count {
        Count::Exact => "count=exact",
        Count::Planned => "count=planned",
        Count::Estimated => "count=estimated",
    });
    let end = preferences.end.map(|end| match end {
        End::Commit => "tx=commit",
        End::Rollback => "tx=rollback",
    });
    let handling = preferences.handling.map(|handling| match handling {
        Handling::Strict => "handling=strict",
        Handling::Lenient => "handling=lenient",
    });
    let fixed = [resolution, missing, returned, count, end, handling]
        .into_iter()
        .flatten();
    let timezone = preferences.timezone.as_ref().map(|name| format!("timezone={name}"));
    let limited = matches!(action, Action::Update | Action::Delete | Action::Call);
    let at_most = preferences
        .at_most()
        .filter(|_| limited)
        .map(|rows| format!("max-affected={rows}"));
    let applied: Vec<_> = fixed.map(str::to_owned).chain(timezone).chain(at_most).collect();
    if applied.is_empty() {
        None
    } else {
        HeaderValue::from_str(&applied.join(", ")).ok()
    }
}
