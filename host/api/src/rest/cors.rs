//! Cross-origin requests: what lets a browser show answers to the pages of other sites, as PostgREST has it.

use axum::extract::Request;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
};
use http::{HeaderMap, HeaderValue, Method};

/// What a page may send.
const METHODS: &str = "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD";

/// The headers of an answer that a page may read.
const EXPOSED: &str = "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, \
    Transfer-Encoding, Range-Unit";

/// The headers that a page may send beside those that it asks for.
const SIMPLE: &str = "Accept, Accept-Language, Content-Language";

/// How long a browser may remember what is allowed, in seconds.
const MAX_AGE: &str = "86400";

/// The sites whose pages may read answers.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// `None` for all sites.
    named: Option<Vec<String>>,
}

impl Origins {
    /// These sites alone, such as `https://example.com`.
    #[must_use]
    pub fn only(named: Vec<String>) -> Self {
        Self { named: Some(named) }
    }

    /// What a page that sends a request may do with the answer; `None` if the request is not one of a page of another site, or of one that
    /// may do nothing.
    pub(crate) fn allowed(&self, headers: &HeaderMap) -> Option<Allowed> {
        let origin = headers.get(ORIGIN)?;
        match &self.named {
            None => Some(Allowed {
                origin: HeaderValue::from_static("*"),
                is_named: false,
            }),
            Some(named) => named
                .iter()
                .any(|named| named.as_bytes() == origin.as_bytes())
                .then(|| Allowed {
                    origin: origin.clone(),
                    is_named: true,
                }),
        }
    }
}

/// What a page may do with an answer.
pub(crate) struct Allowed {
    origin: HeaderValue,
    /// Whether the site is one of those that are named, so that its pages may send cookies.
    is_named: bool,
}

impl Allowed {
    /// The answer to a browser that asks what a page may send; `None` if the request does not ask that.
    pub(crate) fn preflight(&self, request: &Request) -> Option<Response> {
        let asked = request.headers();
        let method = asked.get(ACCESS_CONTROL_REQUEST_METHOD)?.to_str().ok()?;
        if request.method() != Method::OPTIONS || !METHODS.split(", ").any(|allowed| allowed == method) {
            return None;
        }
        let mut answer = Response::default();
        self.name_origin(&mut answer);
        let headers = answer.headers_mut();
        if let Ok(allowed) = HeaderValue::from_bytes(&allowed_headers(asked)) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        }
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
        Some(answer)
    }

    /// Tells the browser what the page may do with an answer.
    pub(crate) fn declare(self, answer: &mut Response) {
        self.name_origin(answer);
        let exposed = HeaderValue::from_static(EXPOSED);
        answer.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }

    fn name_origin(&self, answer: &mut Response) {
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.origin.clone());
        if self.is_named {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}

/// `Authorization`, the headers that the browser asks for, and the simple ones.
fn allowed_headers(asked: &HeaderMap) -> Vec<u8> {
    let asked = asked.get(ACCESS_CONTROL_REQUEST_HEADERS).map(HeaderValue::as_bytes);
    let mut allowed = b"Authorization".to_vec();
    let asked = asked.into_iter().flat_map(|list| list.split(|byte| *byte == b','));
    for name in asked.chain([SIMPLE.as_bytes()]) {
        allowed.extend_from_slice(b", ");
        allowed.extend_from_slice(name.trim_ascii());
    }
    allowed
}
