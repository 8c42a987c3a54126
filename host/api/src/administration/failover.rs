use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use turnout_handoff::NoFailover;
use turnout_postgrest::Refusal;
use turnout_vocabulary::Backend;

use super::read;
use super::sent::Sent;
use crate::Host;
use crate::rest::{RETRY_AFTER, refuse};

/// The body of `POST /v1/failover`. The answer is a [`Failover`](turnout_handoff::Failover).
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailoverRequest {
    /// The side that becomes the authority of everything.
    pub to: Backend,
    /// Whether changes that the other side had not mirrored may be lost. If not, nothing is done, and the answer says what would be lost.
    #[serde(default)]
    pub accept_loss: bool,
}

pub(crate) async fn fail_over(State(host): State<Arc<Host>>, Sent(body): Sent) -> Response {
    let FailoverRequest { to, accept_loss } = match read(&body) {
        Ok(request) => request,
        Err(refusal) => return refuse(refusal),
    };
    let failover = &host.pipeline.handoffs.failover;
    let answer = if accept_loss {
        failover.fail_over(to).await
    } else {
        failover.at_stake(to).await
    };
    match answer {
        Ok(failover) => Json(failover).into_response(),
        Err(error) => refuse(match error {
            NoFailover::Alive(_) | NoFailover::Already(_) | NoFailover::NotInstalled(_) => {
                Refusal::refused(error.to_string())
            }
            error => Refusal::unavailable(error.to_string(), Some(RETRY_AFTER)),
        }),
    }
}
