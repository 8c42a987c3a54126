//! The body of a write. The host reads keys and subjects from its JSON and passes the original text on. Lines of values and forms are
//! made JSON first.

mod json;
mod lines;

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::{HeaderMap, header};
use turnout_vocabulary::{Repository, Rows};

use super::columns;
use super::preferences::{Missing, Preferences};
use super::query::Query;
use crate::error::Refusal;
use json::Row;

/// Reads the body of an insert: one object, or an array of them.
pub(super) fn parse(
    repository: &Repository,
    query: &Query,
    headers: &HeaderMap,
    body: &[u8],
    preferences: &Preferences,
) -> Result<Rows, Refusal> {
    let kind = media_type(headers);
    let text = match kind.as_deref() {
        None | Some("application/json" | "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array") => {
            Cow::Borrowed(json::text(body)?)
        }
        Some("text/csv") => Cow::Owned(lines::to_json(body)?),
        Some("application/x-www-form-urlencoded") => Cow::Owned(form(body)?),
        Some(other) => return Err(Refusal::unacceptable_content_type(other)),
    };
    let rows = json::rows(&text)?;
    // As in PostgREST lines and forms are written as they are.
    let listed = query
        .first("columns")
        .filter(|_| matches!(text, Cow::Borrowed(_)))
        .map(|list| columns::parse("columns", list))
        .transpose()?;
    let columns = match listed {
        Some(listed) => listed,
        None => common_keys(&rows)?,
    };
    let lacks_some = |row: &Row| columns.iter().any(|column| !row.has(column));
    let defaults = preferences.missing == Some(Missing::Default) && rows.iter().any(lacks_some);
    let subject = repository.subject.as_ref().filter(|subject| columns.contains(subject));
    let subjects = rows
        .iter()
        .map(|row| subject.map_or(Ok(None), |column| row.text_of(column)))
        .collect::<Result<_, _>>()?;
    let json = if text.starts_with('{') {
        format!("[{text}]")
    } else {
        text.into_owned()
    };
    Ok(Rows {
        json,
        columns,
        defaults,
        subjects,
        references: Vec::new(),
    })
}

/// Reads the body of an update: one object, or an array of one. An empty array gives rows without columns: nothing is to change.
pub(super) fn parse_one(
    repository: &Repository,
    query: &Query,
    headers: &HeaderMap,
    body: &[u8],
    preferences: &Preferences,
) -> Result<Rows, Refusal> {
    let mut rows = parse(repository, query, headers, body, preferences)?;
    match rows.subjects.len() {
        0 => rows.columns.clear(),
        1 => {}
        _ => return Err(Refusal::invalid_body("An update takes one object")),
    }
    Ok(rows)
}

/// The object that a form is. Of several values of one name the last counts.
fn form(body: &[u8]) -> Result<String, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| Refusal::body_not_utf8())?;
    let form = Query::parse(text)?;
    // Texts always have a JSON form.
    Ok(serde_json::to_string(&form.iter().collect::<BTreeMap<_, _>>()).unwrap_or_default())
}

/// The type of a body in lower case, without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let content_type = headers.get(header::CONTENT_TYPE)?;
    let content_type = String::from_utf8_lossy(content_type.as_bytes()).to_ascii_lowercase();
    content_type.split(';').next().map(|name| name.trim().to_owned())
}

/// The keys of the object that a body is, or that comes first in it; none of another value.
pub(super) fn first_keys(text: &str) -> Result<Vec<String>, Refusal> {
    if text.starts_with(['{', '['])
        && let Ok(rows) = json::rows(text)
    {
        let keys = rows.first().map_or_else(Vec::new, Row::sorted_keys);
        return Ok(keys.into_iter().map(str::to_owned).collect());
    }
    json::check(text).map(|()| Vec::new())
}

/// The keys of the rows, sorted. It is an error if the rows have different keys.
fn common_keys(rows: &[Row]) -> Result<Vec<String>, Refusal> {
    let mut keys = rows.iter().map(Row::sorted_keys);
    let first = keys.next().unwrap_or_default();
    if keys.any(|other| other != first) {
        return Err(Refusal::invalid_body(json::UNEQUAL_KEYS));
    }
    Ok(first.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests;
