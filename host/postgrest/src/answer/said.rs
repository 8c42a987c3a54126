//! What functions and triggers said of the answer: `response.headers` and `response.status`.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use turnout_vocabulary::Said;

use crate::error::Refusal;

/// The answer as they want it. A header that they give takes the place of those of the same name.
pub(super) fn apply(mut response: Response<Bytes>, said: &Said) -> Response<Bytes> {
    if let Some(text) = &said.headers {
        let Some(headers) = headers(text) else {
            return Refusal::invalid_response_headers().into_response();
        };
        for (name, _) in &headers {
            response.headers_mut().remove(name);
        }
        for (name, value) in headers {
            response.headers_mut().append(name, value);
        }
    }
    if let Some(text) = &said.status {
        let Some(status) = text.parse().ok().and_then(|status| StatusCode::from_u16(status).ok()) else {
            return Refusal::invalid_response_status().into_response();
        };
        *response.status_mut() = status;
    }
    response
}

fn headers(text: &str) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let objects: Vec<BTreeMap<String, String>> = serde_json::from_str(text).ok()?;
    let header = |object: BTreeMap<String, String>| {
        let (name, value) = object.into_iter().next()?;
        Some((name.parse().ok()?, HeaderValue::from_str(&value).ok()?))
    };
    objects.into_iter().map(header).collect()
}
