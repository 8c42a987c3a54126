use http::HeaderMap;
use http::header::COOKIE;
use http::request::Parts;
use serde_json::{Map, Value, json};

/// The prefix of paths that the application's functions know nothing of.
const PREFIX: &str = "/rest/v1";

/// What the application's functions and policies may ask about a request, as PostgREST names it: settings of the transaction.
pub(super) fn settings(head: &Parts, claims: &Map<String, Value>) -> String {
    let path = head.uri.path();
    let claims = Value::Object(claims.clone());
    json!({
        "request.jwt.claims": claims.to_string(),
        "request.headers": headers(&head.headers).to_string(),
        "request.cookies": cookies(&head.headers).to_string(),
        "request.method": head.method.as_str(),
        "request.path": path.strip_prefix(PREFIX).unwrap_or(path),
    })
    .to_string()
}

fn headers(headers: &HeaderMap) -> Value {
    let texts = headers.iter().map(|(name, value)| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), Value::String(text))
    });
    Value::Object(texts.collect())
}

fn cookies(headers: &HeaderMap) -> Value {
    let all = headers.get_all(COOKIE).iter();
    let texts = all.filter_map(|value| value.to_str().ok());
    let pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        Some((name.to_owned(), Value::String(value.to_owned())))
    });
    Value::Object(pairs.collect())
}
