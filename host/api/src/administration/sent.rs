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

/// The largest body that an administrator may send, in bytes. It holds a module of any allowed size in hexadecimal.
const MOST: usize = 64 << 20;

/// The whole body of an administrator's request.
pub(crate) struct Sent(pub(super) Bytes);

impl FromRequest<Arc<Host>> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, host: &Arc<Host>) -> Result<Self, Response> {
        let body = host.gate.body(request.into_body(), MOST).await;
        body.map(Self).map_err(refuse)
    }
}

/// The parameters of the path.
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
