use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use turnout_handoff::NoFailover;
use turnout_postgrest::Refusal;
use turnout_vocabulary::{Backend, Epoch};

use super::read;
use super::sent::Sent;
use crate::Host;
use crate::rest::{RETRY_AFTER, refuse};

/// The body of `POST /v1/failover`. The answer is a [`Failover`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailoverRequest {
    /// The side that becomes the authority of everything.
    pub to: Backend,
    /// Whether changes that the other side had not mirrored may be lost. If not, nothing is done, and the answer says what would be lost.
    #[serde(default)]
    pub accept_loss: bool,
}

/// A forced failover: what it may lose, and the epoch that it made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failover {
    /// The side that is the authority of everything afterwards.
    pub to: Backend,
    /// The epoch from which on it is; `None` while nothing was done.
    pub epoch: Option<Epoch>,
    /// How long ago this host last saw how far the other side was mirrored, in seconds; `None` if it never did.
    pub last_seen_seconds: Option<u64>,
    /// What is at stake, for every repository.
    pub at_stake: Vec<AtStake>,
}

/// What a forced failover may lose of one repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtStake {
    /// The repository.
    pub repository: String,
    /// How many keys were not mirrored when the dead side was last seen; `None` if nobody knows.
    pub not_mirrored: Option<u64>,
    /// Whether all rows are mirrored and were compared since. Otherwise the other side may lack any row.
    pub complete: bool,
}

impl From<turnout_handoff::Failover> for Failover {
    fn from(failover: turnout_handoff::Failover) -> Self {
        let turnout_handoff::Failover {
            to,
            epoch,
            last_seen_seconds,
            at_stake,
        } = failover;
        Self {
            to,
            epoch,
            last_seen_seconds,
            at_stake: at_stake.into_iter().map(AtStake::from).collect(),
        }
    }
}

impl From<turnout_handoff::AtStake> for AtStake {
    fn from(at_stake: turnout_handoff::AtStake) -> Self {
        let turnout_handoff::AtStake {
            repository,
            not_mirrored,
            complete,
        } = at_stake;
        Self {
            repository,
            not_mirrored,
            complete,
        }
    }
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
        Ok(failover) => Json(Failover::from(failover)).into_response(),
        Err(error) => refuse(match error {
            NoFailover::Alive(_) | NoFailover::Already(_) | NoFailover::NotInstalled(_) => {
                Refusal::refused(error.to_string())
            }
            error => Refusal::unavailable(error.to_string(), Some(RETRY_AFTER)),
        }),
    }
}
