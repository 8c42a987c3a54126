use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::response::Response;
use http::request::Parts;
use serde::de::DeserializeOwned;
use turnout_postgrest::Refusal;

use crate::Host;
use crate::rest::refuse;

/// The largest body that an administrator may send, in bytes: a module in hexadecimal, and more than any bound on its size.
const MOST: usize = 64 << 20;

/// The body that an administrator sends, whole.
pub(crate) struct Sent(pub(super) Bytes);

impl FromRequest<Arc<Host>> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, host: &Arc<Host>) -> Result<Self, Response> {
        let body = host.gate.body(request.into_body(), MOST).await;
        body.map(Self).map_err(refuse)
    }
}

/// What the path names.
pub(crate) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Response;

    async fn from_request_parts(head: &mut Parts, state: &S) -> Result<Self, Response> {
        let named = Path::from_request_parts(head, state).await;
        named
            .map(|Path(named)| Self(named))
            .map_err(|rejection: PathRejection| refuse(Refusal::unreadable_path(rejection.body_text())))
    }
}
