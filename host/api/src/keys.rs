use std::fmt;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use subtle::{Choice, ConstantTimeEq};
use turnout_postgrest::Refusal;
use turnout_vocabulary::Caller;

use crate::Host;
use crate::Tokens;
use crate::rest::refuse;

/// The keys of the API: the application's, the administrator's, and one for metrics and status alone. `Debug` hides them.
#[derive(Clone)]
pub struct Keys {
    application: String,
    admin: String,
    metrics: Option<String>,
    tokens: Option<Arc<Tokens>>,
}

impl Keys {
    /// `metrics` is the key for metrics and status alone, if there is one.
    #[must_use]
    pub fn new(application: String, admin: String, metrics: Option<String>) -> Self {
        Self {
            application,
            admin,
            metrics,
            tokens: None,
        }
    }

    /// The same, which open `/rest/v1` to tokens, too.
    #[must_use]
    pub fn with_tokens(self, tokens: Tokens) -> Self {
        Self {
            tokens: Some(Arc::new(tokens)),
            ..self
        }
    }

    /// On whose behalf a request runs: on the application's (`None`) where it carries one of the host's own keys, else as its token says.
    /// supabase-js sends a user's token as bearer token beside the key of the project, so the bearer token counts.
    pub(crate) fn caller(&self, head: &Parts) -> Result<Option<Caller>, Refusal> {
        let Some(tokens) = &self.tokens else {
            return self.check(&head.headers).map(|()| None);
        };
        let token = bearer(&head.headers).or_else(|| head.headers.get("apikey").map(HeaderValue::as_bytes));
        if token.is_some_and(|token| is_one_of(token, &[&self.application, &self.admin]).into()) {
            return Ok(None);
        }
        tokens.caller(token, head).map(Some)
    }

    /// The administrator's key.
    #[must_use]
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// Refuses a request without the application's or the administrator's key.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if self.open(headers) {
            Ok(())
        } else if headers.contains_key("apikey") || headers.contains_key(AUTHORIZATION) {
            Err(Refusal::wrong_key())
        } else {
            Err(Refusal::no_key())
        }
    }

    /// Refuses a request without the administrator's key.
    fn check_admin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        self.check(headers)?;
        if carry(headers, &[&self.admin]) {
            Ok(())
        } else {
            Err(Refusal::not_admin())
        }
    }

    /// Refuses a request without the administrator's key or the one for metrics.
    fn check_watcher(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if self.metrics.as_deref().is_some_and(|key| carry(headers, &[key])) || carry(headers, &[&self.admin]) {
            return Ok(());
        }
        self.check(headers)?;
        Err(Refusal::not_watcher())
    }

    /// Whether a request carries the application's or the administrator's key.
    fn open(&self, headers: &HeaderMap) -> bool {
        carry(headers, &[&self.application, &self.admin])
    }
}

/// Whether a request carries one of `keys`, as `apikey` or as bearer token; supabase-js sends both. The comparison takes the same time for
/// all keys of one length, so timing reveals nothing but the length.
fn carry(headers: &HeaderMap, keys: &[&str]) -> bool {
    let apikey = headers.get("apikey").map(HeaderValue::as_bytes);
    let mut found = Choice::from(0);
    for offered in [apikey, bearer(headers)].into_iter().flatten() {
        found |= is_one_of(offered, keys);
    }
    found.into()
}

fn is_one_of(offered: &[u8], keys: &[&str]) -> Choice {
    let equal = keys.iter().map(|key| offered.ct_eq(key.as_bytes()));
    equal.fold(Choice::from(0), |found, equal| found | equal)
}

/// The bearer token of a request.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    value
        .strip_prefix(b"Bearer ")
        .or_else(|| value.strip_prefix(b"bearer "))
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// Answers 401 to a request without the application's or the administrator's key.
pub(crate) async fn required(State(host): State<Arc<Host>>, request: Request, next: Next) -> Response {
    match host.keys.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refuse(refusal),
    }
}

/// Answers 401 to a request without a valid key, and 403 to one with the application's key: the path needs the administrator's key.
pub(crate) async fn admin_required(State(host): State<Arc<Host>>, request: Request, next: Next) -> Response {
    match host.keys.check_admin(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refuse(refusal),
    }
}

/// Answers 401 to a request without a valid key, and 403 to one with the application's key: the path needs the administrator's key or the
/// key for metrics.
pub(crate) async fn watcher_required(State(host): State<Arc<Host>>, request: Request, next: Next) -> Response {
    match host.keys.check_watcher(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refuse(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_key_opens_in_either_header_and_nothing_else_does() {
        let keys = Keys::new("app".into(), "admin".into(), None);
        let open = |name: &'static str, value: &str| {
            keys.open(&HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]))
        };
        assert!(open("apikey", "app") && open("apikey", "admin"));
        assert!(open("authorization", "Bearer app") && open("authorization", "bearer admin"));
        assert!(!open("apikey", "") && !open("apikey", "ap") && !open("authorization", "app"));
        assert!(!keys.open(&HeaderMap::new()));
        assert_eq!(format!("{keys:?}"), "Keys(…)");
    }
}
