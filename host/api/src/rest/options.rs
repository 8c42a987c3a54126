//! `OPTIONS`: by which methods a table, a view or a function is used, as PostgREST answers it.

use axum::response::Response;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW};
use http::request::Parts;
use http::{HeaderValue, Method};
use turnout_postgrest::{Refusal, parse_call};

use super::refusal;
use crate::Host;

/// What a description of all tables is read by.
pub(crate) const ROOT: &str = "OPTIONS,GET,HEAD";

/// What a table is used by.
const TABLE: &str = "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE";

/// What a view is used by.
const VIEW: &str = "OPTIONS,GET,HEAD";

/// What a function is called by that may change rows, and one that only reads.
const WRITING: &str = "OPTIONS,POST";
const READING: &str = "OPTIONS,GET,HEAD,POST";

/// The answer of a table or a view.
pub(super) async fn of_table(host: &Host, head: &Parts, name: &str) -> Result<Response, Refusal> {
    let schema = turnout_postgrest::profile(&head.method, &head.headers, host.pipeline.schemas())?;
    if host.pipeline.repository_in(schema, name).is_some() {
        return Ok(answer(TABLE));
    }
    super::view(host, schema, name).await?;
    Ok(answer(VIEW))
}

/// The answer of the function that a call by `HEAD` with these arguments means.
pub(super) async fn of_function(host: &Host, head: &Parts, name: &str) -> Result<Response, Refusal> {
    let schemas: Vec<&str> = host.pipeline.schemas().iter().map(String::as_str).collect();
    let query = head.uri.query().unwrap_or_default();
    let function = (&schemas[..], name);
    let call = parse_call(host.dialect, &Method::HEAD, function, query, &head.headers, &[])?;
    let writes = host.pipeline.function_writes(&call.request).await;
    let writes = writes.map_err(|error| refusal::of(error.into(), &host.labels))?;
    Ok(answer(if writes { WRITING } else { READING }))
}

/// The answer that names methods.
pub(crate) fn answer(methods: &'static str) -> Response {
    let mut answer = Response::default();
    let headers = answer.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(methods));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer
}
