use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use turnout_handoff::NotRejoined;
use turnout_postgrest::Refusal;
use turnout_vocabulary::Backend;

use super::read;
use super::sent::Sent;
use crate::Host;
use crate::rest::{RETRY_AFTER, refuse};

/// The body of `POST /v1/rejoin`. The answer is a [`Rejoined`](turnout_handoff::Rejoined).
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejoinRequest {
    /// The side whose rows count.
    pub side: Backend,
}

pub(crate) async fn rejoin(State(host): State<Arc<Host>>, Sent(body): Sent) -> Response {
    let RejoinRequest { side } = match read(&body) {
        Ok(request) => request,
        Err(refusal) => return refuse(refusal),
    };
    match host.pipeline.handoffs.reinstatement.rejoin_side(side).await {
        Ok(rejoined) => Json(rejoined).into_response(),
        Err(error @ NotRejoined::NotRestored) => refuse(Refusal::refused(error.to_string())),
        Err(error) => refuse(Refusal::unavailable(error.to_string(), Some(RETRY_AFTER))),
    }
}
