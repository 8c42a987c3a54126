//! The errors of the host itself, codes `TURNOUT_…`, for which PostgREST has no codes.

use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};

use super::{Details, Refusal};

/// Refusals of the host itself.
///
/// | status | code | meaning |
/// |---|---|---|
/// | 503 | `TURNOUT_UNAVAILABLE` | a backend cannot be reached, or has no free connection or place for one more operation |
/// | 503 | `TURNOUT_NOT_READY` | a backend answers and cannot do the operation for now: it is read-only, or its disk is full |
/// | 503 | `TURNOUT_FROZEN` | the routing policy refuses such operations for now |
/// | 409 | `TURNOUT_AUTHORITY` | a write touches rows of several authorities, or of one that cannot be foreseen, or would move rows to another authority |
/// | any | `TURNOUT_PARTIAL` | a write was split by authority: one part is done, the other part failed with this status |
/// | 503 | `TURNOUT_CONTENTION` | other transactions conflicted with an operation or a transaction at every attempt |
/// | 400 | `TURNOUT_TRANSACTION` | the list of operations is malformed |
/// | 409 | `TURNOUT_REFERENCE` | an operation of a transaction refers to a value that no earlier answer has |
/// | 403 | `TURNOUT_ADMIN` | the path needs the administrator's key |
/// | 400 | `TURNOUT_REQUEST` | an administrator's request is malformed |
/// | 409 | `TURNOUT_REFUSED` | an administrator's request would do harm in the present state |
/// | 400 | `TURNOUT_SUBJECT` | the header that names the subject cannot be read |
/// | 504 | `TURNOUT_TIMEOUT` | the operation exceeded its time limit |
/// | 408 | `TURNOUT_TIMEOUT` | the body did not arrive within the time limit |
/// | 413 | `TURNOUT_TOO_LARGE` | the body exceeds the size limit |
/// | 400, 414, 431 | `TURNOUT_HTTP` | the request's URL, headers or body cannot be read |
/// | 405 | `TURNOUT_METHOD` | the path does not serve the request's method, or is that of a view and the request writes |
/// | 500 | `TURNOUT_INTERNAL` | the host failed |
impl Refusal {
    /// 503 `TURNOUT_UNAVAILABLE`. `message` says what is unavailable, `retry_after` when to try again.
    #[must_use]
    pub fn unavailable(message: impl Into<String>, retry_after: Option<Duration>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "TURNOUT_UNAVAILABLE", message).retry_after(retry_after)
    }

    /// 503 `TURNOUT_NOT_READY`: a backend answers and cannot do the operation for now. Nothing was done. The database's own message is left
    /// out, because it may name files.
    #[must_use]
    pub fn not_ready(message: impl Into<String>, sqlstate: &str, retry_after: Duration) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "TURNOUT_NOT_READY", message)
            .details(format!("PostgreSQL reported SQLSTATE {sqlstate}."))
            .retry_after(Some(retry_after))
    }

    /// 503 `TURNOUT_CONTENTION`: other transactions conflicted with a single operation at every attempt.
    #[must_use]
    pub fn contended(message: &str, retry_after: Duration) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "TURNOUT_CONTENTION", message).retry_after(Some(retry_after))
    }

    /// 503 `TURNOUT_FROZEN`: the routing policy refuses the operation for now.
    #[must_use]
    pub fn frozen(retry_after: Duration) -> Self {
        let message = "The routing policy refuses this operation for now";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "TURNOUT_FROZEN", message).retry_after(Some(retry_after))
    }

    /// 503 `TURNOUT_FROZEN`: an administrator has all writes refused for now. Nothing was done.
    #[must_use]
    pub fn writes_frozen(retry_after: Duration) -> Self {
        let message = "Writes are refused for now, and reads go on; nothing was done";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "TURNOUT_FROZEN", message).retry_after(Some(retry_after))
    }

    /// 409 `TURNOUT_AUTHORITY`: a write whose rows do not have one authority. Nothing was done.
    #[must_use]
    pub fn authority(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "TURNOUT_AUTHORITY", message)
    }

    /// Turns the error of a failed part into `TURNOUT_PARTIAL`, with the same status. `done` says which part of the write is done.
    #[must_use]
    pub fn into_partial(mut self, done: &str) -> Self {
        let reason = match self.body.details.take() {
            Some(Details::Text(details)) => format!(" {details}"),
            Some(Details::Relationships(_)) | None => String::new(),
        };
        let details = format!(
            "Done: {done}. Not done: the rest, which was refused with {}.{reason}",
            self.body.code
        );
        self.body.details = Some(Details::Text(details));
        self.body.message = format!("A part of the write is done and the rest is not: {}", self.body.message);
        self.body.code = "TURNOUT_PARTIAL".into();
        // No `Retry-After`: to repeat the whole write would do the first part twice.
        self.headers.clear();
        self
    }

    /// 503 `TURNOUT_CONTENTION`: a transaction was rolled back at every attempt. `sqlstate` is that of the last attempt.
    #[must_use]
    pub fn contention(attempts: u32, sqlstate: &str, retry_after: Duration) -> Self {
        let message = "Other transactions conflicted with this one at every attempt; nothing was done";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "TURNOUT_CONTENTION", message)
            .details(format!(
                "The transaction was tried {attempts} times. The last attempt failed with SQLSTATE {sqlstate}."
            ))
            .retry_after(Some(retry_after))
    }

    /// 400 `TURNOUT_TRANSACTION`: a malformed list of operations.
    #[must_use]
    pub fn invalid_transaction(details: impl Into<String>) -> Self {
        let message = "The list of operations is malformed";
        Self::new(StatusCode::BAD_REQUEST, "TURNOUT_TRANSACTION", message).details(details)
    }

    /// 409 `TURNOUT_REFERENCE`: an operation of a transaction refers to a value that no earlier answer has.
    #[must_use]
    pub fn dangling_reference(details: impl Into<String>) -> Self {
        let message = "An operation refers to a value that no earlier answer has";
        Self::new(StatusCode::CONFLICT, "TURNOUT_REFERENCE", message).details(details)
    }

    /// 403 `TURNOUT_ADMIN`: the request has the application's key, and the path needs the administrator's.
    #[must_use]
    pub fn not_admin() -> Self {
        let message = "This path needs the administrator's key";
        Self::new(StatusCode::FORBIDDEN, "TURNOUT_ADMIN", message)
            .hint("Send the key that is configured as api.admin_key.")
    }

    /// 403 `TURNOUT_ADMIN`: the request has the application's key, and status and metrics need another one.
    #[must_use]
    pub fn not_watcher() -> Self {
        let message = "This path needs the administrator's key or the key for metrics";
        Self::new(StatusCode::FORBIDDEN, "TURNOUT_ADMIN", message)
            .hint("Send the key that is configured as api.admin_key or api.metrics_key.")
    }

    /// 400 `TURNOUT_REQUEST`: a malformed request of an administrator.
    #[must_use]
    pub fn invalid_request(details: impl Into<String>) -> Self {
        let message = "The request is malformed";
        Self::new(StatusCode::BAD_REQUEST, "TURNOUT_REQUEST", message).details(details)
    }

    /// 409 `TURNOUT_REFUSED`: a request of an administrator that would do harm in the present state. Nothing was done.
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "TURNOUT_REFUSED", message)
    }

    /// 400 `TURNOUT_SUBJECT`: the header `header` holds no subject, for this reason.
    #[must_use]
    pub fn invalid_subject(header: &str, reason: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "TURNOUT_SUBJECT",
            format!("The header {header} holds no subject: {reason}"),
        )
    }

    /// 504 `TURNOUT_TIMEOUT`: the operation took longer than `limit`. A write may have been committed all the same.
    #[must_use]
    pub fn timed_out(limit: Duration) -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "TURNOUT_TIMEOUT",
            format!("No answer within {limit:?}"),
        )
    }

    /// 408 `TURNOUT_TIMEOUT`: the body did not arrive within `limit`. Nothing was done.
    #[must_use]
    pub fn slow_body(limit: Duration) -> Self {
        let message = format!("The body did not arrive within {limit:?}; nothing was done");
        Self::new(StatusCode::REQUEST_TIMEOUT, "TURNOUT_TIMEOUT", message)
    }

    /// 413 `TURNOUT_TOO_LARGE`: the body has more than `limit` bytes.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        let message = format!("The body is larger than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "TURNOUT_TOO_LARGE", message)
    }

    /// `TURNOUT_HTTP`: the HTTP server could not read a request's URL or headers and refused it with `status`. `None` for a status with
    /// which the server refuses nothing.
    #[must_use]
    pub fn unreadable(status: StatusCode) -> Option<Self> {
        let (message, hint) = match status {
            StatusCode::BAD_REQUEST => (
                "The request is not valid HTTP/1.1",
                "Percent-encode characters such as \" in the URL.",
            ),
            StatusCode::URI_TOO_LONG => ("The URL is too long", "Send fewer or shorter parameters."),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
                ("The headers are too large", "Send fewer or shorter headers.")
            }
            _ => return None,
        };
        Some(Self::new(status, "TURNOUT_HTTP", message).hint(hint))
    }

    /// 400 `TURNOUT_HTTP`: a parameter in the path cannot be read. `details` says why.
    #[must_use]
    pub fn unreadable_path(details: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "TURNOUT_HTTP",
            "The path of the URL cannot be read",
        )
        .details(details)
    }

    /// 400 `TURNOUT_HTTP`: the body broke off or breaks the rules of HTTP/1.1. Nothing was done.
    #[must_use]
    pub fn unreadable_body() -> Self {
        let message = "The body cannot be read to its end; nothing was done";
        Self::new(StatusCode::BAD_REQUEST, "TURNOUT_HTTP", message)
    }

    /// 405 `TURNOUT_METHOD`: the path does not serve this method.
    #[must_use]
    pub fn wrong_method(method: &Method) -> Self {
        let message = format!("This path does not serve the method {method}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "TURNOUT_METHOD", message)
            .hint("The Allow header names the methods that it serves.")
    }

    /// 405 `TURNOUT_METHOD`: views can only be read.
    #[must_use]
    pub fn written_view(view: &str, repository: Option<&str>) -> Self {
        let what = repository.map_or("a foreign table", |_| "a view");
        let message = format!("{view} is {what}, which can only be read");
        let refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, "TURNOUT_METHOD", message);
        match repository {
            Some(repository) => refusal.hint(format!("Write to {repository}, of which the view is made.")),
            None => refusal,
        }
    }

    /// 500 `TURNOUT_INTERNAL`. The caller reads `message`: it must hold no secrets.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "TURNOUT_INTERNAL", message)
    }

    /// `Retry-After` counts whole seconds, so `after` is rounded up.
    fn retry_after(self, after: Option<Duration>) -> Self {
        let Some(after) = after else { return self };
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_errors_have_postgrests_shape() {
        let refusal = Refusal::unavailable("Backend old cannot be reached", Some(Duration::from_millis(1200)));
        let response = refusal.into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "2");
        assert_eq!(
            response.body(),
            r#"{"code":"TURNOUT_UNAVAILABLE","details":null,"hint":null,"message":"Backend old cannot be reached"}"#
        );
        assert!(
            !Refusal::unavailable("", None)
                .into_response()
                .headers()
                .contains_key("retry-after")
        );
        assert_eq!(
            Refusal::frozen(Duration::ZERO).into_response().headers()["retry-after"],
            "0"
        );
        assert_eq!(Refusal::timed_out(Duration::from_secs(5)).status(), 504);
        assert_eq!(Refusal::slow_body(Duration::from_secs(5)).status(), 408);
        assert_eq!(Refusal::too_large(1024).status(), 413);
        assert_eq!(Refusal::internal("").status(), 500);
    }
}
