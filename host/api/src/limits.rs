use std::error::Error as _;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use http_body_util::LengthLimitError;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use turnout_postgrest::Refusal;

use crate::rest::RETRY_AFTER;

/// What one request may cost, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest body, in bytes.
    pub body: usize,
    /// The longest time from the head of a request to its answer; also that of the head itself, and how long a client may take
    /// nothing of an answer.
    pub time: Duration,
    /// How many requests are worked on at once.
    pub concurrency: usize,
    /// How many connections are open at once. Times `body`, this is the most memory that bodies on their way take.
    pub connections: usize,
    /// How long a connection may stay open without a request.
    pub idle: Duration,
    /// How long the requests that are worked on have to come to their end when the host stops.
    pub draining: Duration,
}

/// The limits, and the places that are free.
pub(crate) struct Gate {
    limits: Limits,
    places: Semaphore,
}

impl Gate {
    pub(crate) fn new(limits: Limits) -> Self {
        let places = Semaphore::new(limits.concurrency.min(Semaphore::MAX_PERMITS));
        Self { limits, places }
    }

    /// The answer to a request with this body, or its refusal: 503 when no place is free, 504 when it takes too long. A place is
    /// taken once the body is there: who sends slowly keeps nobody else out.
    pub(crate) async fn within<T, F>(&self, body: Body, answer: impl FnOnce(Bytes) -> F) -> Result<T, Refusal>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        let end = Instant::now() + self.limits.time;
        let body = self.read(body, self.limits.body, end).await?;
        let Ok(_place) = self.places.try_acquire() else {
            let message = "As many requests as allowed are being worked on; nothing was done";
            return Err(Refusal::unavailable(message, Some(RETRY_AFTER)));
        };
        let late = |_| Err(Refusal::timed_out(self.limits.time));
        timeout_at(end, answer(body)).await.unwrap_or_else(late)
    }

    /// A body of at most so many bytes, or its refusal: 413 at once when it says that it is larger, 408 when it takes too long.
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

/// Why a body was not read to its end.
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
