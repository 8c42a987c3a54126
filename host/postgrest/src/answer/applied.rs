//! The header `Preference-Applied`: the preferences that were honoured, in PostgREST's order.

use http::HeaderValue;
use turnout_vocabulary::{Action, Resolution};

use crate::request::{Count, Handling, Missing, Preferences, Return};

pub(super) fn header(action: Action, preferences: &Preferences) -> Option<HeaderValue> {
    let resolution = preferences
        .resolution
        .filter(|_| action == Action::Upsert)
        .map(|resolution| match resolution {
            Resolution::Merge => "resolution=merge-duplicates",
            Resolution::Ignore => "resolution=ignore-duplicates",
        });
    let takes_rows = matches!(action, Action::Insert | Action::Upsert | Action::Update);
    let missing = (takes_rows && preferences.missing == Some(Missing::Null)).then_some("missing=null");
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
    let handling = preferences.handling.map(|handling| match handling {
        Handling::Strict => "handling=strict",
        Handling::Lenient => "handling=lenient",
    });
    let applied: Vec<_> = [resolution, missing, returned, count, handling]
        .into_iter()
        .flatten()
        .collect();
    if applied.is_empty() {
        None
    } else {
        HeaderValue::from_str(&applied.join(", ")).ok()
    }
}
