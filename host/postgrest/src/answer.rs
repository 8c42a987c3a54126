//! Turns outcomes of operations into HTTP answers.

mod applied;
mod range;
mod said;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use turnout_vocabulary::{Action, Count, Explain, Outcome, Repository, Resolution};

use crate::error::Refusal;
use crate::request::{Accepted, Handling, Media, Preferences, Return, encode};

/// What [`parse`](crate::parse) kept of a request so that [`answer`] can write its outcome in the form that the caller asked for.
pub struct AnswerForm {
    pub(crate) action: Action,
    /// Whether it writes one row by its key.
    pub(crate) put: bool,
    pub(crate) head: bool,
    pub(crate) offset: u32,
    pub(crate) media: Media,
    /// How the plan is told that was asked for instead of rows.
    pub(crate) explain: Option<Explain>,
    pub(crate) preferences: Preferences,
    /// The schema, if the caller named it.
    pub(crate) profile: Option<String>,
    /// The canonical form of a read's parameters.
    pub(crate) content_location: Option<String>,
}

impl AnswerForm {
    /// Forgets the time zone that was asked for, as no such zone is known. Strict handling makes that an error.
    ///
    /// # Errors
    /// `PGRST122` with strict handling.
    pub fn forget_timezone(&mut self) -> Result<(), Refusal> {
        let timezone = self.preferences.timezone.take().unwrap_or_default();
        if self.preferences.handling == Some(Handling::Strict) {
            return Err(Refusal::invalid_preferences(&[&format!("timezone={timezone}")]));
        }
        Ok(())
    }
}

/// How long `Content-Location` may be, in bytes. A longer one is left out: clients refuse answers with long headers (Node.js from 16 KiB
/// on), and a list of ids grows when it is encoded.
const LONGEST_CONTENT_LOCATION: usize = 2048;

/// Writes the HTTP answer to a request on `repository` from its outcome.
#[must_use]
pub fn answer(form: &AnswerForm, repository: &Repository, mut outcome: Outcome) -> Response<Bytes> {
    if let Some(explain) = &form.explain {
        return planned(form, explain, outcome);
    }
    if form.media.is_single() && outcome.rows != 1 {
        return Refusal::not_single(outcome.rows).into_response();
    }
    let said = std::mem::take(&mut outcome.said);
    let mut response = match form.action {
        Action::Find => found(form, repository, outcome),
        Action::Upsert if form.put => put(form, outcome),
        Action::Insert | Action::Upsert => inserted(form, repository, outcome),
        Action::Update => changed(form, range::of_changed(outcome.rows, counted(form, &outcome)), outcome),
        Action::Call => called(form, outcome),
        Action::Delete => changed(form, range::of_written(counted(form, &outcome)), outcome),
    };
    if let Some(applied) = applied::header(form.action, &form.preferences) {
        response.headers_mut().insert("preference-applied", applied);
    }
    said::apply(response, &said)
}

fn planned(form: &AnswerForm, explain: &Explain, outcome: Outcome) -> Response<Bytes> {
    let body = if form.head { String::new() } else { outcome.body };
    let mut response = Response::new(body.into());
    set(
        &mut response,
        header::CONTENT_TYPE,
        Accepted::plan_type(form.media, explain),
    );
    name_profile(&mut response, form);
    response
}

fn found(form: &AnswerForm, repository: &Repository, outcome: Outcome) -> Response<Bytes> {
    let (status, content_range) = range::of_found(form.offset, outcome.rows, outcome.total);
    let mut response = match (status, outcome.total) {
        (StatusCode::RANGE_NOT_SATISFIABLE, Some(total)) => {
            Refusal::range_out_of_bounds(form.offset, total).into_response()
        }
        _ => Response::new(outcome.body.into()),
    };
    *response.status_mut() = status;
    if form.head {
        *response.body_mut() = Bytes::new();
    }
    describe_body(&mut response, form);
    set(&mut response, header::CONTENT_RANGE, content_range);
    if let Some(parameters) = &form.content_location {
        let mark = if parameters.is_empty() { "" } else { "?" };
        let location = format!("/{}{mark}{parameters}", repository.table);
        if location.len() <= LONGEST_CONTENT_LOCATION {
            set(&mut response, header::CONTENT_LOCATION, location);
        }
    }
    response
}

fn called(form: &AnswerForm, outcome: Outcome) -> Response<Bytes> {
    let is_void = outcome.is_void;
    let (status, content_range) = range::of_found(form.offset, outcome.rows, outcome.total);
    let mut response = match (status, outcome.total) {
        _ if is_void || form.head => Response::new(Bytes::new()),
        (StatusCode::RANGE_NOT_SATISFIABLE, Some(total)) => {
            Refusal::range_out_of_bounds(form.offset, total).into_response()
        }
        _ => Response::new(outcome.body.into()),
    };
    *response.status_mut() = if is_void { StatusCode::NO_CONTENT } else { status };
    if !is_void {
        describe_body(&mut response, form);
    }
    set(&mut response, header::CONTENT_RANGE, content_range);
    response
}

fn inserted(form: &AnswerForm, repository: &Repository, outcome: Outcome) -> Response<Bytes> {
    let content_range = range::of_written(counted(form, &outcome));
    let merged = form.preferences.resolution == Some(Resolution::Merge) && outcome.inserted == 0;
    let status = if merged { StatusCode::OK } else { StatusCode::CREATED };
    let location = (!outcome.location.is_empty()).then(|| location(repository, &outcome.location));
    let mut response = written(form, outcome);
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_RANGE, content_range);
    if let Some(location) = location {
        set(&mut response, header::LOCATION, location);
    }
    response
}

fn put(form: &AnswerForm, outcome: Outcome) -> Response<Bytes> {
    let status = if outcome.inserted == 0 {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let mut response = written(form, outcome);
    *response.status_mut() = if form.preferences.returned == Some(Return::Representation) {
        status
    } else {
        StatusCode::NO_CONTENT
    };
    response
}

fn changed(form: &AnswerForm, content_range: String, outcome: Outcome) -> Response<Bytes> {
    let mut response = written(form, outcome);
    if form.preferences.returned != Some(Return::Representation) {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    set(&mut response, header::CONTENT_RANGE, content_range);
    response
}

/// The answer to a write: the written rows if the caller asked for them, otherwise an empty body.
fn written(form: &AnswerForm, outcome: Outcome) -> Response<Bytes> {
    if form.preferences.returned != Some(Return::Representation) {
        return Response::new(Bytes::new());
    }
    let mut response = Response::new(outcome.body.into());
    describe_body(&mut response, form);
    response
}

fn describe_body(response: &mut Response<Bytes>, form: &AnswerForm) {
    set(response, header::CONTENT_TYPE, form.media.content_type());
    name_profile(response, form);
}

fn name_profile(response: &mut Response<Bytes>, form: &AnswerForm) {
    if let Some(schema) = &form.profile {
        set(response, HeaderName::from_static("content-profile"), schema);
    }
}

/// The number of rows that a write touched, if the caller asked for it. `count=planned` gives no number: PostgREST makes no plan of a
/// write.
fn counted(form: &AnswerForm, outcome: &Outcome) -> Option<u64> {
    matches!(form.preferences.count, Some(Count::Exact | Count::Estimated)).then_some(outcome.rows)
}

fn location(repository: &Repository, key: &[(String, String)]) -> String {
    let key: Vec<_> = key
        .iter()
        .map(|(column, text)| format!("{}=eq.{}", encode(column), encode(text)))
        .collect();
    format!("/{}?{}", repository.table, key.join("&"))
}

/// Sets a header, unless its value has bytes that no header can hold.
fn set(response: &mut Response<Bytes>, name: HeaderName, value: impl AsRef<[u8]>) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_ref()) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests;
