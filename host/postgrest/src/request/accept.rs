use std::borrow::Cow;

use http::{HeaderMap, header};
use turnout_vocabulary::BodyForm;

use crate::error::Refusal;

/// The form of an answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// A JSON array of rows.
    Rows,
    /// The same without keys that are null.
    StrippedRows,
    /// The JSON object of one row.
    Object,
    /// The same without keys that are null.
    StrippedObject,
    /// Lines of values.
    Csv,
}

impl Media {
    /// The value of `Content-Type`.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Rows => "application/json; charset=utf-8",
            Self::StrippedRows => "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
            Self::Object => "application/vnd.pgrst.object+json; charset=utf-8",
            Self::StrippedObject => "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    /// Whether the answer must be exactly one row.
    pub(crate) const fn is_single(self) -> bool {
        matches!(self, Self::Object | Self::StrippedObject)
    }

    /// What the body is made of.
    pub(super) const fn body(self) -> BodyForm {
        match self {
            Self::Rows | Self::Object => BodyForm::Json,
            Self::StrippedRows | Self::StrippedObject => BodyForm::JsonWithoutNulls,
            Self::Csv => BodyForm::Csv,
        }
    }

    /// The supported form that the `Accept` header prefers.
    pub(super) fn negotiate(headers: &HeaderMap) -> Result<Self, Refusal> {
        let Some(accept) = headers.get(header::ACCEPT) else {
            return Ok(Self::Rows);
        };
        let accept = String::from_utf8_lossy(accept.as_bytes())
            .to_ascii_lowercase()
            .replace(' ', "");
        let mut ranges: Vec<_> = accept.split(',').filter(|range| !range.is_empty()).map(weigh).collect();
        ranges.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        let mut ranges = ranges.into_iter().map(|(range, _)| range).peekable();
        if ranges.peek().is_none() {
            return Ok(Self::Rows);
        }
        ranges
            .clone()
            .find_map(Self::of)
            .ok_or_else(|| Refusal::unacceptable_media(&ranges.map(spelled).collect::<Vec<_>>()))
    }

    fn of(range: &str) -> Option<Self> {
        let (mime, parameters) = range.split_once(';').unwrap_or((range, ""));
        let stripped = parameters == "nulls=stripped";
        match mime {
            "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array" if stripped => Some(Self::StrippedRows),
            "application/json" | "*/*" | "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array" => {
                Some(Self::Rows)
            }
            "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" if stripped => {
                Some(Self::StrippedObject)
            }
            "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => Some(Self::Object),
            "text/csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// A media range as PostgREST spells it: that of an execution plan is put together anew, any other stays as it is.
fn spelled(range: &str) -> Cow<'_, str> {
    let (mime, parameters) = range.split_once(';').unwrap_or((range, ""));
    let format = match mime {
        "application/vnd.pgrst.plan" | "application/vnd.pgrst.plan+text" => "text",
        "application/vnd.pgrst.plan+json" => "json",
        _ => return range.into(),
    };
    let planned = parameters
        .split_once("for=\"")
        .and_then(|(_, after)| after.split_once('"'));
    let planned = planned.map_or("application/json", |(planned, _)| planned);
    let mut spelled = format!("application/vnd.pgrst.plan+{format}; for=\"{planned}\"");
    let options = parameters.split_once("options=").map_or("", |(_, after)| after);
    let wanted = ["analyze", "verbose", "settings", "buffers", "wal"]
        .into_iter()
        .filter(|option| options.split(['|', ';']).any(|sent| sent == *option));
    let wanted: Vec<_> = wanted.collect();
    if !wanted.is_empty() {
        spelled.push_str("; options=");
        spelled.push_str(&wanted.join("|"));
    }
    spelled.into()
}

/// A media range without its weight, and what to sort it by: the weight in thousandths, and of equal weights `*/*` last.
fn weigh(range: &str) -> (&str, (u16, bool)) {
    let (range, weight) = range.split_once(";q=").unwrap_or((range, "1"));
    let weight: f32 = weight.parse().unwrap_or(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..=1000"
    )]
    let thousandths = (weight.clamp(0.0, 1.0) * 1000.0) as u16;
    (range, (thousandths, range != "*/*"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::error::tests::body;

    fn read(accept: &'static str) -> Result<Media, Refusal> {
        Media::negotiate(
            &[(header::ACCEPT, HeaderValue::from_static(accept))]
                .into_iter()
                .collect(),
        )
    }

    #[test]
    fn rows_are_the_default_and_one_object_can_be_asked_for() {
        assert_eq!(Media::negotiate(&HeaderMap::new()).unwrap(), Media::Rows);
        for accept in [
            "",
            "*/*",
            "application/json",
            "application/json; charset=utf-8",
            "text/html, */*;q=0.8",
            "Application/JSON",
        ] {
            assert_eq!(read(accept).unwrap(), Media::Rows, "{accept}");
        }
        for accept in [
            "application/vnd.pgrst.object+json",
            "application/vnd.pgrst.object",
            "*/*, application/vnd.pgrst.object+json",
            "application/json;q=0.5, application/vnd.pgrst.object+json;q=0.9",
        ] {
            assert_eq!(read(accept).unwrap(), Media::Object, "{accept}");
        }
    }

    #[test]
    fn nulls_can_be_stripped_and_rows_can_be_lines() {
        for (accept, media) in [
            ("application/vnd.pgrst.array+json;nulls=stripped", Media::StrippedRows),
            ("application/vnd.pgrst.array+json", Media::Rows),
            (
                "application/vnd.pgrst.object+json; nulls=stripped",
                Media::StrippedObject,
            ),
            ("text/csv", Media::Csv),
        ] {
            assert_eq!(read(accept).unwrap(), media, "{accept}");
        }
    }

    #[test]
    fn a_plan_is_refused_in_the_spelling_of_postgrest() {
        for (accept, spelling) in [
            (
                r#"application/vnd.pgrst.plan+text; for="application/json"; options=;"#,
                r#"application/vnd.pgrst.plan+text; for=\"application/json\""#,
            ),
            (
                r#"application/vnd.pgrst.plan+json; for="text/csv"; options=verbose|analyze;"#,
                r#"application/vnd.pgrst.plan+json; for=\"text/csv\"; options=analyze|verbose"#,
            ),
            (
                "application/vnd.pgrst.plan",
                r#"application/vnd.pgrst.plan+text; for=\"application/json\""#,
            ),
        ] {
            let refused = body(read(accept).unwrap_err());
            let message = format!(r#""None of these media types are available: {spelling}""#);
            assert!(refused.contains(&message), "{refused}");
        }
    }

    #[test]
    fn what_there_is_not_is_refused_as_postgrest_refuses_it() {
        assert_eq!(
            body(read("text/unknowntype").unwrap_err()),
            r#"{"code":"PGRST107","details":null,"hint":null,"message":"None of these media types are available: text/unknowntype"}"#
        );
        for accept in ["application/*", "nonsense;q=x"] {
            assert_eq!(read(accept).unwrap_err().code(), "PGRST107", "{accept}");
        }
    }
}
