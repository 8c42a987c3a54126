use std::borrow::Cow;

use http::HeaderMap;
use turnout_vocabulary::{Count, Explain, Resolution, TransactionSettings};

use crate::error::Refusal;

/// The preferences of the `Prefer` headers. The first preference of each kind counts.
#[derive(Default)]
pub(crate) struct Preferences {
    pub(crate) resolution: Option<Resolution>,
    pub(crate) returned: Option<Return>,
    pub(crate) count: Option<Count>,
    pub(crate) missing: Option<Missing>,
    pub(crate) handling: Option<Handling>,
    pub(crate) end: Option<End>,
    pub(crate) timezone: Option<String>,
    max_affected: Option<i64>,
}

/// What a write answers with, as `return=` says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Return {
    Minimal,
    HeadersOnly,
    Representation,
}

/// The value of a listed column that a row does not have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Null,
    Default,
}

/// What becomes of the transaction of an operation once it has answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Commit,
    Rollback,
}

/// Whether unknown preferences are ignored or refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handling {
    Strict,
    Lenient,
}

impl Preferences {
    /// Reads the `Prefer` headers. Unknown preferences are an error only with `handling=strict`.
    pub(super) fn parse(headers: &HeaderMap) -> Result<Self, Refusal> {
        let values: Vec<Cow<str>> = headers
            .get_all("prefer")
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        let mut preferences = Self::default();
        let mut unknown = Vec::new();
        for text in values
            .iter()
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            if !preferences.note(text) {
                unknown.push(text);
            }
        }
        if preferences.handling == Some(Handling::Strict) && !unknown.is_empty() {
            return Err(Refusal::invalid_preferences(&unknown));
        }
        Ok(preferences)
    }

    /// Records one preference. Returns `false` if it is unknown.
    fn note(&mut self, text: &str) -> bool {
        match text {
            "resolution=merge-duplicates" => first(&mut self.resolution, Resolution::Merge),
            "resolution=ignore-duplicates" => first(&mut self.resolution, Resolution::Ignore),
            "return=minimal" => first(&mut self.returned, Return::Minimal),
            "return=headers-only" => first(&mut self.returned, Return::HeadersOnly),
            "return=representation" => first(&mut self.returned, Return::Representation),
            "count=exact" => first(&mut self.count, Count::Exact),
            "count=planned" => first(&mut self.count, Count::Planned),
            "count=estimated" => first(&mut self.count, Count::Estimated),
            "missing=null" => first(&mut self.missing, Missing::Null),
            "missing=default" => first(&mut self.missing, Missing::Default),
            "handling=strict" => first(&mut self.handling, Handling::Strict),
            "handling=lenient" => first(&mut self.handling, Handling::Lenient),
            "tx=rollback" => first(&mut self.end, End::Rollback),
            "tx=commit" => first(&mut self.end, End::Commit),
            _ => return self.note_value(text),
        }
        true
    }

    /// Records one preference whose value is free. Returns `false` if it is unknown.
    fn note_value(&mut self, text: &str) -> bool {
        if let Some(timezone) = text.strip_prefix("timezone=") {
            first(&mut self.timezone, timezone.to_owned());
        } else if let Some(rows) = text.strip_prefix("max-affected=") {
            // As in PostgREST a value that is no number is ignored.
            self.max_affected = self.max_affected.or(rows.parse().ok());
        } else {
            return false;
        }
        true
    }

    /// How many rows may be written. Only strict handling gives the preference force.
    pub(crate) fn at_most(&self) -> Option<i64> {
        self.max_affected.filter(|_| self.handling == Some(Handling::Strict))
    }

    /// What is asked of the transaction, beside a plan. What PostgreSQL does to explain a write is always taken back.
    pub(crate) fn transaction(&self, explain: Option<Explain>) -> TransactionSettings {
        TransactionSettings {
            caller: None,
            timezone: self.timezone.clone(),
            rollback: self.end == Some(End::Rollback) || explain.is_some(),
            explain,
        }
    }
}

fn first<T>(slot: &mut Option<T>, value: T) {
    slot.get_or_insert(value);
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::error::tests::body;

    fn read(values: &[&'static str]) -> Result<Preferences, Refusal> {
        let prefer = HeaderName::from_static("prefer");
        Preferences::parse(
            &values
                .iter()
                .map(|value| (prefer.clone(), HeaderValue::from_static(value)))
                .collect(),
        )
    }

    #[test]
    fn several_headers_add_up_and_the_first_of_a_kind_counts() {
        let preferences = read(&[
            "resolution=ignore-duplicates,count=exact",
            " return=representation , anything",
            "count=planned,",
        ])
        .unwrap();
        assert!(preferences.resolution == Some(Resolution::Ignore));
        assert!(preferences.returned == Some(Return::Representation));
        assert!(preferences.count == Some(Count::Exact));
        assert!(preferences.handling.is_none());
    }

    #[test]
    fn unknown_preferences_are_refused_only_if_handled_strictly() {
        assert!(read(&["handling=lenient, something"]).is_ok());
        assert!(read(&["handling=strict, tx=commit, missing=default, timezone=UTC, max-affected=x"]).is_ok());
        assert!(read(&[""]).is_ok());
        assert_eq!(
            body(read(&["handling=strict", "something, nothing=default"]).err().unwrap()),
            r#"{"code":"PGRST122","details":"Invalid preferences: something, nothing=default","hint":null,"message":"Invalid preferences given with handling=strict"}"#
        );
    }
    #[test]
    fn what_may_be_written_is_limited_only_strictly() {
        assert_eq!(read(&["max-affected=5"]).unwrap().at_most(), None);
        assert_eq!(
            read(&["handling=strict, max-affected=x, max-affected=5"])
                .unwrap()
                .at_most(),
            Some(5)
        );
    }
}
