use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use turnout_handoff::{Asker, NotShipped, Timings, Whom};
use turnout_postgrest::Refusal;
use turnout_vocabulary::Epoch;

use super::policies::refusal;
use super::sent::Sent;
use super::{By, read};
use crate::Host;
use crate::rest::refuse;

/// The body of `POST /v1/cutover`. The answer is a [`Moved`].
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutoverRequest {
    /// Whether it is for everybody whose rows are mirrored from `old`.
    #[serde(default)]
    pub everyone: bool,
    /// The subjects that it is for otherwise, in any spelling.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// The name of whoever asks for it.
    #[serde(default)]
    pub who: String,
    /// Why, also if not all is so that a move of authority to `new` needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// What a cutover or a rollback did. It names no subject.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Moved {
    /// The epoch that was in force before.
    pub from_epoch: Epoch,
    /// The epoch that is in force.
    pub epoch: Epoch,
    /// The stages that changed.
    pub changes: Vec<StageChange>,
    /// How long each part of the handoff took.
    pub milliseconds: HandoffTimings,
    /// The number of the evidence of it on `new`.
    pub evidence: i64,
    /// Why the policy directory of the host does not hold what is in force, if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unwritten: Option<String>,
}

/// A stage that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageChange {
    /// What stands at it: `default`, `repositories.NAME`, `cohort NAME`, or how many subjects.
    pub place: String,
    /// The stage before, if there was one.
    pub before: Option<String>,
    /// The stage after, if there is one.
    pub after: Option<String>,
}

/// How long each part of a handoff took, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct HandoffTimings {
    /// To ask whether the change may come into force. Nobody waits meanwhile.
    pub gate: f64,
    /// To write the epoch down. Nobody waits meanwhile.
    pub record: f64,
    /// To raise both fences.
    pub fences: f64,
    /// To mirror what was left.
    pub drain: f64,
    /// To make sure that rows that change hands are the same on both sides.
    pub proof: f64,
    /// To release the epoch.
    pub release: f64,
    /// How long operations waited whose authority changed, at most.
    pub waited: f64,
}

impl From<Timings> for HandoffTimings {
    fn from(timings: Timings) -> Self {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        Self {
            gate: milliseconds(timings.gate),
            record: milliseconds(timings.record),
            fences: milliseconds(timings.fences),
            drain: milliseconds(timings.drain),
            proof: milliseconds(timings.proof),
            release: milliseconds(timings.release),
            waited: milliseconds(timings.waited()),
        }
    }
}

impl From<turnout_handoff::Moved> for Moved {
    fn from(moved: turnout_handoff::Moved) -> Self {
        let turnout_handoff::Moved {
            from,
            epoch,
            changes,
            timings,
            evidence,
            unwritten,
        } = moved;
        let change = |change| {
            let turnout_handoff::StageChange { place, before, after } = change;
            StageChange { place, before, after }
        };
        Self {
            from_epoch: from,
            epoch,
            changes: changes.into_iter().map(change).collect(),
            milliseconds: timings.into(),
            evidence,
            unwritten,
        }
    }
}

/// `POST /v1/cutover`.
pub(crate) async fn cut_over(State(host): State<Arc<Host>>, Sent(body): Sent) -> Response {
    let CutoverRequest {
        everyone,
        subjects,
        who,
        because,
    } = match read(&body) {
        Ok(request) => request,
        Err(refusal) => return refuse(refusal),
    };
    let whom = match (everyone, subjects.is_empty()) {
        (true, true) => Whom::Everyone,
        (false, false) => Whom::Subjects(subjects),
        _ => return refuse(Refusal::invalid_request("Give either `everyone` or `subjects`.")),
    };
    answer(
        host.pipeline
            .handoffs
            .shipping
            .cut_over(&whom, Asker { who, because })
            .await,
    )
}

/// `POST /v1/rollback`: takes the last cutover back.
pub(crate) async fn roll_back(State(host): State<Arc<Host>>, Sent(body): Sent) -> Response {
    let by = if body.is_empty() {
        Ok(By::default())
    } else {
        read(&body)
    };
    let By { who, because } = match by {
        Ok(by) => by,
        Err(refusal) => return refuse(refusal),
    };
    answer(host.pipeline.handoffs.shipping.take_back(Asker { who, because }).await)
}

fn answer(moved: Result<turnout_handoff::Moved, NotShipped>) -> Response {
    match moved {
        Ok(moved) => Json(Moved::from(moved)).into_response(),
        Err(error) => refuse(refusal(error)),
    }
}
