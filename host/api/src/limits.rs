use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::Semaphore;
use turnout_postgrest::Refusal;

use crate::rest::refuse;

/// How long an application that found the host full should wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What one request may cost, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest body, in bytes.
    pub body: usize,
    /// The longest time from the first byte to the answer.
    pub time: Duration,
    /// How many requests are worked on at once.
    pub concurrency: usize,
}

/// The limits, and the places that are free.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) limits: Limits,
    places: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            places: Arc::new(Semaphore::new(limits.concurrency.min(Semaphore::MAX_PERMITS))),
        }
    }
}

/// Answers 503 when no place is free, 413 when the body is too large, 504 when the answer takes too long.
pub(crate) async fn within(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let Ok(_place) = gate.places.try_acquire() else {
        return refuse(Refusal::unavailable(
            "As many requests as allowed are being worked on; nothing was done",
            Some(RETRY_AFTER),
        ));
    };
    let answer = async {
        let (parts, body) = request.into_parts();
        match axum::body::to_bytes(body, gate.limits.body).await {
            Ok(bytes) => next.run(Request::from_parts(parts, bytes.into())).await,
            Err(_) => refuse(Refusal::too_large(gate.limits.body)),
        }
    };
    match tokio::time::timeout(gate.limits.time, answer).await {
        Ok(answer) => answer,
        Err(_) => refuse(Refusal::timed_out(gate.limits.time)),
    }
}
