use std::error::Error as _;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use http_body_util::LengthLimitError;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use turnout_postgrest::Refusal;

use crate::rest::RETRY_AFTER;

/// The limits of one request, and how many requests there may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest body, in bytes.
    pub body: usize,
    /// The longest time from the head of a request to its answer. The same limit holds for the arrival of the head, and for how long a
    /// client may read nothing of an answer.
    pub time: Duration,
    /// How many requests the host works on at once.
    pub concurrency: usize,
    /// How many connections may be open at once. `connections` times `body` bounds the memory of arriving bodies.
    pub connections: usize,
    /// How long a connection may stay open without a request.
    pub idle: Duration,
    /// How long the requests that are worked on have to come to their end when the host stops.
    pub draining: Duration,
}

/// Enforces the limits. A request takes a place while the host works on it.
pub(crate) struct Gate {
    limits: Limits,
    places: Semaphore,
}

impl Gate {
    pub(crate) fn new(limits: Limits) -> Self {
        let places = Semaphore::new(limits.concurrency.min(Semaphore::MAX_PERMITS));
        Self { limits, places }
    }

    /// Reads the body and answers the request. Refuses with 503 if no place is free, and with 504 if the answer takes too long. A request
    /// takes its place only when its body has arrived, so slow senders take no places.
    pub(crate) async fn within<T, F>(&self, body: Body, answer: impl FnOnce(Bytes) -> F) -> Result<T, Refusal>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        let end = Instant::now() + self.limits.time;
        let body = self.read(body, self.limits.body, end).await?;
        let Ok(_place) = self.places.try_acquire() else {
            let message = "The host already works on as many requests as api.concurrency allows; nothing was done";
            return Err(Refusal::unavailable(message, Some(RETRY_AFTER)));
        };
        let late = |_| Err(Refusal::timed_out(self.limits.time));
        timeout_at(end, answer(body)).await.unwrap_or_else(late)
    }

    /// Reads a body of at most `most` bytes. Refuses with 413 at once if the body announces more, and with 408 if it arrives too slowly.
    pub(crate) async fn body(&self, body: Body, most: usize) -> Result<Bytes, Refusal> {
        self.read(body, most, Instant::now() + self.limits.time).await
    }

    async fn read(&self, body: Body, most: usize, end: Instant) -> Result<Bytes, Refusal> {
        if body.size_hint().lower() > most as u64 {
            return Err(Refusal::too_large(most));
        }
        let late = |_| Err(Refusal::slow_body(self.limits.time));
        let read = async { to_bytes(body, most).await.map_err(|error| unread(&error, most)) };
        timeout_at(end, read).await.unwrap_or_else(late)
    }
}

/// The refusal of a body that could not be read to its end.
fn unread(error: &axum::Error, most: usize) -> Refusal {
    if error
        .source()
        .is_some_and(<dyn std::error::Error>::is::<LengthLimitError>)
    {
        Refusal::too_large(most)
    } else {
        Refusal::unreadable_body()
    }
}
