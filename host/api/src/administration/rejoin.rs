use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use turnout_handoff::NotRejoined;
use turnout_postgrest::Refusal;
use turnout_vocabulary::{Backend, Epoch};

use super::read;
use super::sent::Sent;
use crate::Host;
use crate::rest::{RETRY_AFTER, refuse};

/// The body of `POST /v1/rejoin`. The answer is a [`Rejoined`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejoinRequest {
    /// The side whose rows count.
    pub side: Backend,
}

/// What was done after a person said which side's rows count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejoined {
    /// The side whose rows count.
    pub side: Backend,
    /// The epoch from which on that side is the authority of everything; `None` if it was so before.
    pub forced: Option<Epoch>,
    /// How many rows differed and are being copied to the other side, by repository.
    pub marked: Vec<(String, u64)>,
}

impl From<turnout_handoff::Rejoined> for Rejoined {
    fn from(rejoined: turnout_handoff::Rejoined) -> Self {
        let turnout_handoff::Rejoined { side, forced, marked } = rejoined;
        Self { side, forced, marked }
    }
}

pub(crate) async fn rejoin(State(host): State<Arc<Host>>, Sent(body): Sent) -> Response {
    let RejoinRequest { side } = match read(&body) {
        Ok(request) => request,
        Err(refusal) => return refuse(refusal),
    };
    match host.pipeline.handoffs.reinstatement.rejoin_side(side).await {
        Ok(rejoined) => Json(Rejoined::from(rejoined)).into_response(),
        Err(error @ NotRejoined::NotRestored) => refuse(Refusal::refused(error.to_string())),
        Err(error) => refuse(Refusal::unavailable(error.to_string(), Some(RETRY_AFTER))),
    }
}
