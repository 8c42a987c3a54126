use std::borrow::Cow;

use http::{HeaderMap, header};
use turnout_vocabulary::{BodyForm, Explain, ExplainOption};

use super::Dialect;
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
    /// Features on a map.
    GeoJson,
}

impl Media {
    /// Its name.
    const fn name(self) -> &'static str {
        match self {
            Self::Rows => "application/json",
            Self::StrippedRows => "application/vnd.pgrst.array+json;nulls=stripped",
            Self::Object => "application/vnd.pgrst.object+json",
            Self::StrippedObject => "application/vnd.pgrst.object+json;nulls=stripped",
            Self::Csv => "text/csv",
            Self::GeoJson => "application/geo+json",
        }
    }

    /// The value of `Content-Type`.
    pub(crate) fn content_type(self) -> String {
        format!("{}; charset=utf-8", self.name())
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
            Self::GeoJson => BodyForm::GeoJson,
        }
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
            "application/geo+json" => Some(Self::GeoJson),
            _ => None,
        }
    }
}

/// What an answer holds: rows in some form, or the plan for answering with them.
pub(crate) struct Accepted {
    pub(crate) media: Media,
    pub(crate) explain: Option<Explain>,
}

impl Accepted {
    /// The supported form that the `Accept` header prefers. Plans are supported only where the configuration allows them.
    pub(super) fn negotiate(dialect: Dialect, headers: &HeaderMap) -> Result<Self, Refusal> {
        let rows = Self::from(Media::Rows);
        let Some(accept) = headers.get(header::ACCEPT) else {
            return Ok(rows);
        };
        let accept = String::from_utf8_lossy(accept.as_bytes())
            .to_ascii_lowercase()
            .replace(' ', "");
        let mut ranges: Vec<_> = accept.split(',').filter(|range| !range.is_empty()).map(weigh).collect();
        ranges.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        let mut ranges = ranges.into_iter().map(|(range, _)| range).peekable();
        if ranges.peek().is_none() {
            return Ok(rows);
        }
        ranges
            .clone()
            .find_map(|range| match PlanRange::of(range) {
                Some(plan) if dialect.plans => plan.accepted(),
                Some(_) => None,
                None => Media::of(range).map(Self::from),
            })
            .ok_or_else(|| Refusal::unacceptable_media(&ranges.map(spelled).collect::<Vec<_>>()))
    }

    /// The value of `Content-Type` of a plan.
    pub(crate) fn plan_type(media: Media, explain: &Explain) -> String {
        let format = if explain.json { "json" } else { "text" };
        format!("{}; charset=utf-8", plan_name(format, media.name(), &explain.options))
    }
}

impl From<Media> for Accepted {
    fn from(media: Media) -> Self {
        Self { media, explain: None }
    }
}

/// A media range that asks for a plan.
struct PlanRange<'r> {
    json: bool,
    /// The media type of the answer that is planned.
    planned: &'r str,
    options: Vec<ExplainOption>,
}

impl<'r> PlanRange<'r> {
    fn of(range: &'r str) -> Option<Self> {
        let (mime, parameters) = range.split_once(';').unwrap_or((range, ""));
        let json = match mime {
            "application/vnd.pgrst.plan" | "application/vnd.pgrst.plan+text" => false,
            "application/vnd.pgrst.plan+json" => true,
            _ => return None,
        };
        let planned = parameters
            .split_once("for=\"")
            .and_then(|(_, after)| after.split_once('"'));
        let named = parameters.split_once("options=").map_or("", |(_, after)| after);
        let is_named = |option: &ExplainOption| named.split(['|', ';']).any(|sent| sent == option.as_str());
        Some(Self {
            json,
            planned: planned.map_or("application/json", |(planned, _)| planned),
            options: ExplainOption::ALL.into_iter().filter(is_named).collect(),
        })
    }

    fn accepted(self) -> Option<Accepted> {
        Some(Accepted {
            media: Media::of(self.planned)?,
            explain: Some(Explain {
                json: self.json,
                options: self.options,
            }),
        })
    }
}

/// The name of a plan's media type, as PostgREST spells it.
fn plan_name(format: &str, planned: &str, options: &[ExplainOption]) -> String {
    let mut name = format!("application/vnd.pgrst.plan+{format}; for=\"{planned}\"");
    if !options.is_empty() {
        let options: Vec<_> = options.iter().map(|option| option.as_str()).collect();
        name.push_str("; options=");
        name.push_str(&options.join("|"));
    }
    name
}

/// A media range as PostgREST spells it: that of an execution plan is put together anew, any other stays as it is.
fn spelled(range: &str) -> Cow<'_, str> {
    match PlanRange::of(range) {
        Some(plan) => {
            let format = if plan.json { "json" } else { "text" };
            plan_name(format, plan.planned, &plan.options).into()
        }
        None => range.into(),
    }
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

    fn accepted(dialect: Dialect, accept: &'static str) -> Result<Accepted, Refusal> {
        let headers = [(header::ACCEPT, HeaderValue::from_static(accept))];
        Accepted::negotiate(dialect, &headers.into_iter().collect())
    }

    fn read(accept: &'static str) -> Result<Media, Refusal> {
        accepted(Dialect::default(), accept).map(|accepted| accepted.media)
    }

    #[test]
    fn rows_are_the_default_and_one_object_can_be_asked_for() {
        let nothing = Accepted::negotiate(Dialect::default(), &HeaderMap::new()).unwrap();
        assert_eq!(nothing.media, Media::Rows);
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
            ("application/geo+json", Media::GeoJson),
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
    fn a_plan_is_for_a_form_and_has_the_options_asked_for() {
        let dialect = Dialect {
            plans: true,
            ..Dialect::default()
        };
        for (accept, json, options, name) in [
            (
                "application/vnd.pgrst.plan",
                false,
                &[][..],
                r#"application/vnd.pgrst.plan+text; for="application/json"; charset=utf-8"#,
            ),
            (
                r#"application/vnd.pgrst.plan+json; for="application/vnd.pgrst.object"; options=wal|analyze|no;"#,
                true,
                &[ExplainOption::Analyze, ExplainOption::Wal],
                r#"application/vnd.pgrst.plan+json; for="application/vnd.pgrst.object+json"; options=analyze|wal; charset=utf-8"#,
            ),
        ] {
            let Accepted { media, explain } = accepted(dialect, accept).unwrap();
            let explain = explain.unwrap();
            assert_eq!((explain.json, &explain.options[..]), (json, options), "{accept}");
            assert_eq!(Accepted::plan_type(media, &explain), name);
        }
        let unknown = r#"application/vnd.pgrst.plan; for="image/png""#;
        assert_eq!(accepted(dialect, unknown).err().unwrap().code(), "PGRST107");
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
