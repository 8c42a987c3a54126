use http::HeaderValue;
use turnout_vocabulary::{Selected, Window};

use super::embedded;
use super::query::Query;
use crate::error::Refusal;

/// The rows from `first` up to, not including, `end`.
#[derive(Clone, Copy)]
struct Span {
    first: i128,
    end: Option<i128>,
}

impl Span {
    fn is_empty(self) -> bool {
        self.end.is_some_and(|end| end <= self.first)
    }
}

/// The rows that are in all of `limit`, `offset` and a `Range` header.
///
/// As in PostgREST a value that is not a number is ignored, a negative offset is ignored, and `limit=0` is allowed. Every other empty range
/// is an error.
pub(super) fn parse(query: &Query, range: Option<&HeaderValue>) -> Result<Window, Refusal> {
    let limit = last_number(query, "limit");
    let offset = last_number(query, "offset").unwrap_or(0).max(0);
    if limit.is_some_and(|limit| limit < 0) {
        return Err(Refusal::negative_limit());
    }
    if limit == Some(0) {
        return Ok(Window {
            offset: clamp(offset),
            limit: Some(0),
        });
    }
    let asked = Span {
        first: offset,
        end: limit.map(|limit| offset.saturating_add(limit)),
    };
    let header = range
        .and_then(|range| parse_range(range.to_str().ok()?))
        .unwrap_or(Span { first: 0, end: None });
    if header.is_empty() {
        return Err(Refusal::reversed_range());
    }
    let both = Span {
        first: asked.first.max(header.first),
        end: asked.end.into_iter().chain(header.end).min(),
    };
    if both.is_empty() {
        return Err(Refusal::negative_limit());
    }
    Ok(Window {
        offset: clamp(both.first),
        limit: both.end.map(|end| clamp(end - both.first)),
    })
}

/// Puts `limit` and `offset` of embedded tables where they belong.
pub(super) fn of_embedded(query: &Query, select: &mut [Selected]) -> Result<(), Refusal> {
    for (key, value) in query.iter() {
        let kind = embedded::kind(key);
        if !matches!(kind, "limit" | "offset") {
            continue;
        }
        if let Some(embed) = embedded::at(select, &embedded::path(key)?.0)?
            && let Some(rows) = number(value.trim())
        {
            match kind {
                "limit" if rows < 0 => return Err(Refusal::negative_limit()),
                "limit" => embed.window.limit = Some(clamp(rows)),
                _ => embed.window.offset = clamp(rows.max(0)),
            }
        }
    }
    Ok(())
}

/// Refuses `limit` and `offset` on an update or a delete.
pub(super) fn refuse(query: &Query) -> Result<(), Refusal> {
    if is_given(query) {
        let details = "limit and offset are not supported when rows are changed or removed.";
        return Err(Refusal::not_implemented(details));
    }
    Ok(())
}

/// Whether a query has a limit or an offset.
pub(super) fn is_given(query: &Query) -> bool {
    query.first("limit").or(query.first("offset")).is_some()
}

fn last_number(query: &Query, name: &str) -> Option<i128> {
    let (_, value) = query.iter().filter(|(key, _)| *key == name).last()?;
    number(value.trim())
}

fn number(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // A number that overflows is larger than any number of rows.
    let number = digits
        .parse()
        .map_or(i128::from(u64::MAX), |number: i128| number.min(u64::MAX.into()));
    Some(if text.starts_with('-') { -number } else { number })
}

/// Parses a `Range` header such as `0-9` or `10-`. Any other value is ignored.
fn parse_range(text: &str) -> Option<Span> {
    let (first, last) = text.split_once('-')?;
    let end = match last {
        "" => None,
        last => Some(number(last).filter(|last| *last >= 0)? + 1),
    };
    Some(Span {
        first: number(first)?,
        end,
    })
}

fn clamp(rows: i128) -> u32 {
    rows.try_into().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::tests::body;

    fn read(query: &str, range: Option<&'static str>) -> Result<(u32, Option<u32>), Refusal> {
        let range = range.map(HeaderValue::from_static);
        parse(&Query::parse(query).unwrap(), range.as_ref()).map(|window| (window.offset, window.limit))
    }

    #[test]
    fn limit_and_offset_make_a_window() {
        for (query, window) in [
            ("", (0, None)),
            ("limit=3", (0, Some(3))),
            ("limit=3&offset=2", (2, Some(3))),
            ("offset=2", (2, None)),
            ("offset=-4", (0, None)),
            ("limit=0", (0, Some(0))),
            ("limit=0&offset=5", (5, Some(0))),
            ("limit=1&limit=2", (0, Some(2))),
            ("limit=&offset=x", (0, None)),
            ("limit=1.5", (0, None)),
            (
                "limit=99999999999999999999999999999999999999999999",
                (0, Some(u32::MAX)),
            ),
            ("offset=5000000000&limit=2", (u32::MAX, Some(2))),
        ] {
            assert_eq!(read(query, None).unwrap(), window, "{query}");
        }
    }

    #[test]
    fn a_range_header_is_intersected_with_them() {
        for (query, range, window) in [
            ("", "0-1", (0, Some(2))),
            ("", "5-", (5, None)),
            ("limit=3", "0-1", (0, Some(2))),
            ("limit=2", "0-5", (0, Some(2))),
            ("limit=10&offset=2", "4-5", (4, Some(2))),
            (
                "",
                "0-99999999999999999999999999999999999999999999",
                (0, Some(u32::MAX)),
            ),
            ("", "items=0-1", (0, None)),
            ("", "-1", (0, None)),
            ("", "0--1", (0, None)),
            ("", "a-b", (0, None)),
        ] {
            assert_eq!(read(query, Some(range)).unwrap(), window, "{query} {range}");
        }
    }

    #[test]
    fn embedded_tables_have_windows_of_their_own() {
        let mut select = crate::request::select::parse("bookings(staff(name))").unwrap();
        let query = Query::parse("limit=1&bookings.limit=2&bookings.offset=3&bookings.staff.limit=4").unwrap();
        of_embedded(&query, &mut select).unwrap();
        let bookings = Selected::embeds(&select).next().unwrap();
        assert_eq!((bookings.window.offset, bookings.window.limit), (3, Some(2)));
        let staff = Selected::embeds(&bookings.select).next().unwrap();
        assert_eq!((staff.window.offset, staff.window.limit), (0, Some(4)));
        for (query, code) in [("staff.limit=1", "PGRST108"), ("bookings.limit=-1", "PGRST103")] {
            let refused = of_embedded(&Query::parse(query).unwrap(), &mut select);
            assert_eq!(refused.unwrap_err().code(), code);
        }
    }

    #[test]
    fn empty_windows_are_refused_as_postgrest_refuses_them() {
        let negative = r#"{"code":"PGRST103","details":"Limit should be greater than or equal to zero.","hint":null,"message":"Requested range not satisfiable"}"#;
        assert_eq!(body(read("limit=-1", None).unwrap_err()), negative);
        assert_eq!(body(read("limit=3", Some("5-9")).unwrap_err()), negative);
        assert_eq!(
            body(read("", Some("1-0")).unwrap_err()),
            r#"{"code":"PGRST103","details":"The lower boundary must be lower than or equal to the upper boundary in the Range header.","hint":null,"message":"Requested range not satisfiable"}"#
        );
    }
}
