//! Error answers in PostgREST's shape.

mod database;
mod dialect;
mod host;
mod raised;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

/// An error answer, to a request that was refused or failed: a status and the body `{"code","details","hint","message"}`.
///
/// The texts may hold values of the request or of rows, so `Display` and `Debug` show only the status and the code.
#[derive(thiserror::Error)]
#[error("refused with {} and status {}", .body.code, .status.as_u16())]
pub struct Refusal {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Box<Body>,
}

/// The body of the answer, its fields in PostgREST's order.
#[derive(Serialize)]
struct Body {
    code: Cow<'static, str>,
    details: Option<Details>,
    hint: Option<String>,
    message: String,
    /// The operation of a transaction that caused the error, by its place in the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<usize>,
}

/// What is told about an error beside its message.
#[derive(Serialize)]
#[serde(untagged)]
enum Details {
    Text(String),
    Relationships(Vec<Relationship>),
}

/// One of several relationships that a request may mean.
#[derive(Serialize)]
pub struct Relationship {
    /// `one-to-many`, `many-to-one`, `one-to-one` or `many-to-many`.
    pub cardinality: &'static str,
    /// Both tables, as `clients with bookings`.
    pub embedding: String,
    /// The foreign key or the table between, with the columns.
    pub relationship: String,
    /// What the request names it by to choose it.
    #[serde(skip)]
    pub choice: String,
}

impl Refusal {
    fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        let body = Body {
            code: code.into(),
            details: None,
            hint: None,
            message: message.into(),
            operation: None,
        };
        Self {
            status,
            headers: Vec::new(),
            body: Box::new(body),
        }
    }

    /// The same with details, for whoever sent the request.
    #[must_use]
    pub fn details(mut self, details: impl Into<String>) -> Self {
        self.body.details = Some(Details::Text(details.into()));
        self
    }

    /// The same with a hint, for whoever sent the request.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.body.hint = Some(hint.into());
        self
    }

    fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Names the operation of a transaction that caused the error, by its place in the list, if the request was a transaction.
    #[must_use]
    pub fn of_operation(mut self, place: Option<usize>) -> Self {
        self.body.operation = place;
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The code, such as `PGRST100`, `23505` or `TURNOUT_UNAVAILABLE`; safe to log.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.body.code
    }

    /// The HTTP answer.
    #[must_use]
    pub fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(self.body.to_json());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
        headers.extend(self.headers);
        response
    }
}

impl Body {
    fn to_json(&self) -> Bytes {
        // Texts always have a JSON form.
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refusal({}, {})", self.status.as_u16(), self.code())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn body(refusal: Refusal) -> String {
        String::from_utf8(refusal.into_response().into_body().to_vec()).unwrap()
    }

    #[test]
    fn a_refusal_is_json_in_postgrests_shape() {
        let response = Refusal::negative_limit().into_response();
        assert_eq!(response.status(), 416);
        assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
        assert_eq!(
            response.body(),
            r#"{"code":"PGRST103","details":"Limit should be greater than or equal to zero.","hint":null,"message":"Requested range not satisfiable"}"#
        );
    }

    #[test]
    fn a_refusal_shows_no_personal_data_to_logs() {
        let refusal = Refusal::from_database("23505", "duplicate key", Some("Key (phone)=(89686484488)".into()), None);
        assert_eq!(
            format!("{refusal} {refusal:?}"),
            "refused with 23505 and status 409 Refusal(409, 23505)"
        );
    }
}
