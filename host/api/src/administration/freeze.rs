use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use turnout_handoff::NotFrozen;
use turnout_postgrest::Refusal;
use turnout_vocabulary::Epoch;

use super::read;
use super::sent::Sent;
use crate::Host;
use crate::rest::{RETRY_AFTER, refuse};
use crate::status::FrozenStatus;

/// The body of `POST /v1/freeze` and `POST /v1/unfreeze`. The answer is a [`Frozen`].
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreezeRequest {
    /// The name of whoever asks for it.
    #[serde(default)]
    pub who: String,
    /// Why.
    #[serde(default)]
    pub because: String,
}

/// Whether the application's writes are refused.
#[derive(Debug, Serialize, Deserialize)]
pub struct Frozen {
    /// The epoch in force.
    pub epoch: Epoch,
    /// Since when and why they are; `None` if they are let in.
    pub frozen: Option<FrozenStatus>,
}

/// `POST /v1/freeze`: has every host refuse the application's writes.
pub(crate) async fn freeze(State(host): State<Arc<Host>>, Sent(body): Sent) -> Response {
    let FreezeRequest { who, because } = match request(&body) {
        Ok(request) => request,
        Err(refusal) => return refuse(refusal),
    };
    let done = host.pipeline.handoffs.freezing.freeze(&who, &because).await;
    answer(&host, done)
}

/// `POST /v1/unfreeze`: has every host let them in again.
pub(crate) async fn unfreeze(State(host): State<Arc<Host>>, Sent(body): Sent) -> Response {
    if let Err(refusal) = request(&body) {
        return refuse(refusal);
    }
    let done = host.pipeline.handoffs.freezing.unfreeze().await;
    answer(&host, done)
}

fn request(body: &[u8]) -> Result<FreezeRequest, Refusal> {
    if body.is_empty() {
        Ok(FreezeRequest::default())
    } else {
        read(body)
    }
}

fn answer(host: &Host, done: Result<Epoch, NotFrozen>) -> Response {
    match done {
        Ok(epoch) => {
            let frozen = FrozenStatus::of(&host.pipeline.policies.in_force());
            Json(Frozen { epoch, frozen }).into_response()
        }
        Err(error) => refuse(Refusal::unavailable(error.to_string(), Some(RETRY_AFTER))),
    }
}
