use std::borrow::Cow;

use http::HeaderMap;
use turnout_vocabulary::Resolution;

use crate::error::Refusal;

/// The preferences of the `Prefer` headers. The first preference of each kind counts.
#[derive(Default)]
pub(crate) struct Preferences {
    pub(crate) resolution: Option<Resolution>,
    pub(crate) returned: Option<Return>,
    pub(crate) count: Option<Count>,
    pub(crate) missing: Option<Missing>,
    pub(crate) handling: Option<Handling>,
    rollback: bool,
}

/// What a write answers with, as `return=` says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Return {
    Minimal,
    HeadersOnly,
    Representation,
}

/// How matching rows are counted. Turnout always counts exactly, also where PostgREST estimates.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Exact,
    Planned,
    Estimated,
}

/// The value of a listed column that a row does not have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Null,
    Default,
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
            "missing=default" => {
                first(&mut self.missing, Missing::Default);
                return false;
            }
            "handling=strict" => first(&mut self.handling, Handling::Strict),
            "handling=lenient" => first(&mut self.handling, Handling::Lenient),
            "tx=rollback" => self.rollback = true,
            "tx=commit" => {}
            _ => return false,
        }
        true
    }

    /// Refuses a write with `tx=rollback`, which is not supported: to commit it is the opposite of what the caller asked for.
    pub(super) fn refuse_rollback(&self) -> Result<(), Refusal> {
        if self.rollback {
            Err(Refusal::not_implemented("Prefer: tx=rollback is not supported yet."))
        } else {
            Ok(())
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
        assert!(read(&["handling=lenient, max-affected=1"]).is_ok());
        assert!(read(&["handling=strict, tx=commit"]).is_ok());
        assert!(read(&[""]).is_ok());
        assert_eq!(
            body(read(&["handling=strict", "something, missing=default"]).err().unwrap()),
            r#"{"code":"PGRST122","details":"Invalid preferences: something, missing=default","hint":null,"message":"Invalid preferences given with handling=strict"}"#
        );
    }
}
